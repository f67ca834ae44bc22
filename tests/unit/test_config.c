// Settings of every family, from config.json and from GGUF keys. A model is made of its settings and an embedding of 4
// tokens; what is read is written out as words, and the words that are expected have to be among them.
#include "model/net/config.h"
#include "tests/models.h"
#include "tests/test.h"

#include <math.h>

static void describe(const net_config *c, buf *b) {
    static const char *const positions[] = {"rope", "learned", "alibi"}, *const mlps[] = {"silu", "tanh", "erf"};
    static const char *const scalings[] = {"plain", "linear", "llama3", "yarn"};
    buf_printf(b, " %s layers=%d embd=%d heads=%d/%d head=%d ff=%d vocab=%d ctx=%d", c->family, c->n_layers, c->n_embd,
               c->n_heads, c->n_kv_heads, c->head_dim, c->n_ff, c->n_vocab, c->n_ctx);
    buf_printf(b, " %s eps=%g %s mlp=%s", c->norm == NORM_RMS ? "rms" : "layernorm", (double)c->norm_eps,
               positions[c->position], mlps[c->mlp]);
    if (c->position == POSITION_ROPE)
        buf_printf(b, " %s dim=%d theta=%g %s", c->rope_neox ? "halves" : "pairs", c->rope_dim, (double)c->rope_theta,
                   scalings[c->rope_scale]);
    if (c->rope_scale != ROPE_PLAIN)
        buf_printf(b, " factor=%g low=%g high=%g original=%d gain=%.5g", (double)c->rope_factor,
                   (double)c->rope_low_freq, (double)c->rope_high_freq, c->rope_original_ctx,
                   (double)c->rope_attn_factor);
    if (c->position == POSITION_ALIBI) buf_printf(b, " bias=%g", (double)c->alibi_max_bias);
    buf_printf(b, " scale=%.5g clip=%g %s %s %s %s windows=", (double)c->attn_scale, (double)c->attn_clip,
               c->parallel_residual ? "parallel" : "serial", c->shared_norm ? "shared" : "own",
               c->qk_norm ? "qknorm" : "noqk", c->tied_head ? "tied" : "untied");
    for (int i = 0; i < c->n_layers; i++) buf_printf(b, "%s%d", i ? "," : "", c->window[i]);
    buf_putc(b, ' ');
}

// Every word of `words` is one of c's; when `says` is given, reading must have failed with it instead.
static void check(const model_file *f, const char *what, const char *words, const char *says) {
    error err = {{0}};
    net_config c;
    buf got = {0};
    int rc = net_config_read(&c, f, &err);
    if (says) {
        OK(rc == -1 && strstr(err.text, says), "%s: wanted \"%s\": %s", what, says, rc == 0 ? "read" : err.text);
        return;
    }
    if (!OK(rc == 0, "%s: %s", what, err.text)) return;
    describe(&c, &got);
    char *copy = mem_strdup(words), *rest = copy, *word;
    while ((word = strsep(&rest, " "))) {
        char spaced[128];
        snprintf(spaced, sizeof spaced, " %s ", word);
        OK(strstr(got.data, spaced), "%s: %s is not in%s", what, word, got.data);
    }
    free(copy);
    buf_free(&got);
}

// --- config.json ---

typedef struct json_case {
    const char *family, *settings; // JSON with ' for ", without braces
    const char *words, *says;
} json_case;

#define LLAMA                                                                                                          \
    "'num_hidden_layers':2,'hidden_size':8,'num_attention_heads':4,'intermediate_size':12,'max_position_embeddings':64"

static const json_case json_cases[] = {
    {"llama", LLAMA,
     "llama layers=2 embd=8 heads=4/4 head=2 ff=12 vocab=4 ctx=64 rms eps=1e-06 rope mlp=silu halves dim=2 theta=10000 plain "
     "serial noqk untied windows=0,0 scale=0.70711",
     NULL},
    {"llama",
     LLAMA ",'num_key_value_heads':2,'rms_norm_eps':1e-5,'tie_word_embeddings':true,'head_dim':6,'rope_theta':500000",
     "heads=4/2 eps=1e-05 tied head=6 dim=6 theta=500000 scale=0.40825", NULL},
    {"llama", LLAMA ",'num_key_value_heads':null,'rope_scaling':null,'head_dim':null", "heads=4/4 plain head=2", NULL},
    {"llama", LLAMA ",'rope_scaling':{'type':'linear','factor':4.0}", "linear factor=4", NULL},
    {"llama", LLAMA ",'rope_scaling':{'type':'dynamic','factor':4.0}", "plain ctx=64", NULL},
    {"llama",
     LLAMA
     ",'rope_theta':5e5,'rope_scaling':{'rope_type':'llama3','factor':32,'low_freq_factor':1.5,'high_freq_factor':4,"
     "'original_max_position_embeddings':16}",
     "llama3 factor=32 low=1.5 high=4 original=16 theta=500000", NULL},
    {"llama",
     LLAMA
     ",'rope_parameters':{'rope_theta':7e4,'rope_type':'llama3','factor':8,'low_freq_factor':1,'high_freq_factor':4,"
     "'original_max_position_embeddings':32}",
     "llama3 factor=8 low=1 high=4 original=32 theta=70000", NULL},
    {"llama", LLAMA ",'rope_theta':1,'rope_parameters':{'rope_theta':7e4,'rope_type':'default'}", "plain theta=70000",
     NULL},
    {"llama", LLAMA ",'rope_scaling':{'type':'yarn','factor':4,'original_max_position_embeddings':16}",
     "yarn factor=4 low=1 high=32 original=16 gain=1.1386", NULL},
    {"llama",
     LLAMA ",'rope_scaling':{'rope_type':'yarn','factor':4,'attention_factor':1.5,'beta_fast':16,'beta_slow':2}",
     "yarn low=2 high=16 original=64 gain=1.5", NULL},
    {"llama", LLAMA ",'rope_scaling':{'rope_type':'yarn','factor':40,'mscale':1,'mscale_all_dim':0.5}", "gain=1.1557",
     NULL},
    {"llama", LLAMA ",'rope_scaling':{'rope_type':'longrope','factor':4}", NULL,
     "rope scaling \"longrope\" is not known"},
    {"llama", LLAMA ",'rope_scaling':{'rope_type':'linear','factor':0}", NULL, "the rope scaling factor is 0"},
    {"llama", LLAMA ",'rope_scaling':{'rope_type':'linear','factor':'x'}", NULL, "factor is no number"},
    {"llama", LLAMA ",'rope_scaling':{'rope_type':'llama3','low_freq_factor':4,'high_freq_factor':4}", NULL,
     "frequencies"},
    {"llama", LLAMA ",'hidden_act':'relu'", NULL, "the activation \"relu\""},
    {"llama", LLAMA ",'hidden_act':'gelu'", NULL, "the activation \"gelu\""},
    {"llama", LLAMA ",'vocab_size':5", NULL, "vocab_size is 5, but there are embeddings of 4"},
    {"llama", LLAMA ",'tie_word_embeddings':false,'x':'headless'", NULL, "has no output matrix"},
    {"llama", LLAMA ",'num_key_value_heads':3", NULL, "cannot share 3"},
    {"llama", LLAMA ",'num_key_value_heads':8", NULL, "8 key/value heads, 1 to 4"},
    {"llama", LLAMA ",'num_key_value_heads':0", NULL, "0 key/value heads"},
    {"llama", LLAMA ",'head_dim':3", NULL, "turn 3 of the 3 components"},
    {"llama", LLAMA ",'head_dim':-2", NULL, "head_dim is no whole number in range"},
    {"llama", LLAMA ",'head_dim':2.5", NULL, "head_dim is no whole number"},
    {"llama", LLAMA ",'head_dim':1e9", NULL, "components of a head"},
    {"llama", LLAMA ",'rms_norm_eps':-1", NULL, "epsilon of the norms"},
    {"llama", LLAMA ",'rms_norm_eps':1e400", NULL, "epsilon of the norms"},
    {"llama", LLAMA ",'rope_theta':0", NULL, "the rope base is 0"},
    {"llama", LLAMA ",'tie_word_embeddings':1", NULL, "tie_word_embeddings is no true or false"},
    {"llama", "'hidden_size':8,'num_attention_heads':4,'intermediate_size':12", NULL, "num_hidden_layers is missing"},
    {"llama", "'num_hidden_layers':513,'hidden_size':8,'num_attention_heads':4,'intermediate_size':12", NULL,
     "513 layers"},
    {"llama", "'num_hidden_layers':1,'hidden_size':8,'num_attention_heads':0,'intermediate_size':12", NULL,
     "0 attention heads"},
    {"llama", "'num_hidden_layers':1,'hidden_size':8,'num_attention_heads':4", NULL, "intermediate_size is missing"},
    {"llama", "'num_hidden_layers':1,'hidden_size':8,'num_attention_heads':4,'intermediate_size':4294967296", NULL,
     "intermediate_size is no whole number in range"},
    {"mistral", LLAMA ",'num_key_value_heads':2", "mistral heads=4/2 windows=4096,4096 halves untied", NULL},
    {"mistral", LLAMA ",'num_key_value_heads':2,'sliding_window':null", "windows=0,0", NULL},
    {"mistral", LLAMA ",'num_key_value_heads':2,'sliding_window':16", "windows=16,16", NULL},
    {"mistral", LLAMA, NULL, "8 key/value heads"},
    {"qwen2", LLAMA ",'num_key_value_heads':2,'use_sliding_window':false,'sliding_window':16,'max_window_layers':0",
     "qwen2 windows=0,0 halves noqk", NULL},
    {"qwen2", LLAMA ",'num_key_value_heads':2,'use_sliding_window':true,'sliding_window':16,'max_window_layers':1",
     "windows=0,16", NULL},
    {"qwen2",
     LLAMA ",'num_key_value_heads':2,'use_sliding_window':true,'sliding_window':16,"
           "'layer_types':['sliding_attention','full_attention']",
     "windows=16,0", NULL},
    {"qwen2", LLAMA ",'num_key_value_heads':2,'layer_types':['full_attention']", NULL, "layer_types has 1 entries"},
    {"qwen2", LLAMA ",'num_key_value_heads':2,'layer_types':['linear_attention',1]", NULL, "a kind of layer"},
    {"qwen3", LLAMA ",'num_key_value_heads':2", "qwen3 qknorm head=128 dim=128", NULL},
    {"qwen3", LLAMA ",'num_key_value_heads':2,'head_dim':4", "head=4 heads=4/2", NULL},
    {"gpt2", "'n_layer':2,'n_embd':8,'n_head':4,'n_positions':32,'n_inner':null",
     "gpt2 layers=2 embd=8 heads=4/4 head=2 ff=32 ctx=32 layernorm eps=1e-05 learned mlp=tanh tied serial scale=0.70711",
     NULL},
    {"gpt2",
     "'n_layer':2,'n_embd':8,'n_head':4,'n_ctx':16,'n_inner':20,'scale_attn_weights':false,'activation_function':'gelu'",
     "ff=20 ctx=16 scale=1 mlp=erf", NULL},
    {"gpt2", "'n_layer':2,'n_embd':8,'n_head':4", "ctx=1024", NULL},
    {"gpt2", "'n_layer':2,'n_embd':8,'n_head':4,'scale_attn_by_inverse_layer_idx':true", NULL, "inverse_layer_idx"},
    {"gpt2", "'n_layer':2,'n_embd':8,'n_head':4,'activation_function':'relu'", NULL, "the activation \"relu\""},
    {"gpt_neo",
     "'num_layers':4,'hidden_size':8,'num_heads':2,'window_size':5,'attention_types':[[['global','local'],2]]",
     "gpt_neo layers=4 heads=2/2 ff=32 learned mlp=tanh tied scale=1 windows=0,5,0,5", NULL},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'attention_types':[[['local'],1],[['global'],2]]",
     "windows=256,0,0", NULL},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'intermediate_size':9", "windows=0,256,0 ff=9", NULL},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'attention_types':[[['global','local'],2]]", NULL,
     "describes other layers than the 3"},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'attention_types':[['global',3]]", NULL,
     "attention_types"},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'attention_types':[3]", NULL, "attention_types"},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'attention_types':[[['global'],1e9]]", NULL,
     "describes other layers"},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'attention_types':[[[],1e15],[['local'],3]]",
     "windows=256,256,256", NULL},
    {"gpt_neo", "'num_layers':3,'hidden_size':8,'num_heads':2,'attention_types':null", "windows=0,256,0", NULL},
    {"gptj", "'n_layer':1,'n_embd':8,'n_head':1,'rotary_dim':4,'n_positions':16",
     "gptj layernorm rope pairs dim=4 theta=10000 mlp=tanh ff=32 parallel shared untied ctx=16", NULL},
    {"gptj", "'n_layer':1,'n_embd':8,'n_head':1", NULL, "turn 64 of the 8"},
    {"gpt_neox", LLAMA ",'rotary_pct':1.0,'rotary_emb_base':5000,'layer_norm_eps':1e-6",
     "gpt_neox layernorm eps=1e-06 rope halves dim=2 theta=5000 mlp=erf parallel untied", NULL},
    {"gpt_neox",
     "'num_hidden_layers':1,'hidden_size':32,'num_attention_heads':2,'intermediate_size':12,"
     "'use_parallel_residual':false,'hidden_act':'gelu_fast'",
     "dim=4 serial own mlp=tanh ctx=2048", NULL},
    {"gpt_neox",
     "'num_hidden_layers':1,'hidden_size':32,'num_attention_heads':2,'intermediate_size':12,"
     "'rope_parameters':{'rope_theta':300,'partial_rotary_factor':0.5,'rope_type':'default'}",
     "dim=8 theta=300", NULL},
    {"falcon", LLAMA, "falcon layernorm rope halves dim=2 mlp=erf heads=4/1 parallel shared tied", NULL},
    {"falcon", LLAMA ",'multi_query':false,'parallel_attn':false", "heads=4/4 serial own", NULL},
    {"falcon", LLAMA ",'new_decoder_architecture':true,'num_kv_heads':2,'parallel_attn':false", "heads=4/2 parallel",
     NULL},
    {"falcon", LLAMA ",'alibi':true,'multi_query':false,'parallel_attn':false", "alibi bias=8 serial own", NULL},
    {"RefinedWebModel", "'n_layer':1,'hidden_size':8,'n_head':4,'multi_query':true", "falcon heads=4/1 ff=32 ctx=2048",
     NULL},
    {"RefinedWeb", "'n_layer':1,'hidden_size':8,'n_head':4,'n_head_kv':2", "falcon heads=4/2 parallel", NULL},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'max_seq_len':50",
     "mpt ff=32 ctx=50 layernorm eps=1e-05 alibi bias=8 mlp=erf serial tied scale=0.70711 clip=0", NULL},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'attn_config':{'alibi_bias_max':16,'clip_qkv':6,'softmax_scale':0.5}",
     "bias=16 clip=6 scale=0.5", NULL},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'attn_config':{'alibi':false}", "alibi", NULL},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'x':'narrow mlp'", "ff=4", NULL},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'attn_config':{'alibi':false},'x':'learned wpe'", "learned", NULL},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'attn_config':{'qk_ln':true}", NULL, "qk_ln"},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'attn_config':{'attn_type':'multiquery_attention'}", NULL,
     "attn_type"},
    {"mpt", "'n_layers':2,'d_model':8,'n_heads':4,'logit_scale':'inv_sqrt_d_model'", NULL, "logit_scale"},
    {"mpt", "'n_layers':2,'d_model':1000000000,'n_heads':4", NULL, "1000000000 embedding components"},
    {"phi", "'num_hidden_layers':1,'hidden_size':32,'num_attention_heads':2,'intermediate_size':12",
     "phi layernorm mlp=tanh halves dim=8 parallel shared untied", NULL},
    {"phi", "'num_hidden_layers':1,'hidden_size':32,'num_attention_heads':2,'intermediate_size':12,'qk_layernorm':true",
     NULL, "qk_layernorm"},
    {"bert", "'hidden_size':8", NULL, "a bert encoder"},
};

// The embedding under every family's name, a head unless the settings say headless, positions if they say so.
static void write_tensors(const char *folder, const char *settings) {
    static const char *const names[] = {"embed_tokens", "wte",       "embed_in", "word_embeddings",
                                        "lm_head",      "embed_out", "wpe",      "blocks.0.ffn.up_proj"};
    int n = strstr(settings, "headless")      ? 4
            : strstr(settings, "learned wpe") ? 7
            : strstr(settings, "narrow mlp")  ? 8
                                              : 6;
    buf header = {0}, file = {0}, data = {0};
    buf_putc(&header, '{');
    for (int i = 0; i < n; i++)
        buf_printf(&header, "%s\"%s.weight\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[%d,%d]}",
                   i ? "," : "", names[i], i * 16, i * 16 + 16);
    buf_putc(&header, '}');
    put_zeros(&data, (size_t)n * 16);
    put_safetensors(&file, header.data, data.data, data.len);
    write_file(folder, "model.safetensors", file.data, file.len);
    buf_free(&header);
    buf_free(&file);
    buf_free(&data);
}

static void test_json(void) {
    char *folder = make_folder();
    for (size_t i = 0; i < sizeof json_cases / sizeof *json_cases; i++) {
        const json_case *t = &json_cases[i];
        buf b = {0};
        error err = {{0}};
        buf_printf(&b, "{'model_type':'%s',%s}", t->family, t->settings);
        for (size_t k = 0; k < b.len; k++)
            if (b.data[k] == '\'') b.data[k] = '"';
        write_file(folder, "config.json", b.data, b.len);
        write_tensors(folder, t->settings);
        model_file *f = model_file_open(folder, &err);
        if (f)
            check(f, b.data, t->words, t->says);
        else if (t->says && strstr(err.text, t->says))
            OK(true, "%s", err.text);
        else
            OK(false, "%s: %s", b.data, err.text);
        model_file_close(f);
        buf_free(&b);
    }
    remove_file(folder, "config.json");
    remove_file(folder, "model.safetensors");
    rmdir(folder);
    free(folder);
}

// --- GGUF ---

typedef struct gguf_case {
    const char *arch;
    const char *keys; // "name=value ..." below ARCH: 1 is an integer, 1.0 a float, true a bool, [1,2] a list, else text
    const char *tensors; // further tensors of one number
    const char *words, *says;
} gguf_case;

#define SIZES                                                                                                          \
    "block_count=2 context_length=64 embedding_length=8 feed_forward_length=12 attention.head_count=4 "                \
    "attention.layer_norm_rms_epsilon=1e-5 attention.layer_norm_epsilon=1e-6"

static const gguf_case gguf_cases[] = {
    {"llama", SIZES, "",
     "llama layers=2 embd=8 heads=4/4 head=2 ff=12 vocab=4 ctx=64 rms eps=1e-05 rope pairs dim=2 theta=10000 plain tied "
     "serial windows=0,0",
     NULL},
    {"llama", SIZES " attention.head_count_kv=2 rope.freq_base=5e5 attention.key_length=6 attention.value_length=6",
     "output.weight", "heads=4/2 theta=500000 head=6 dim=6 untied scale=0.40825", NULL},
    {"llama", SIZES " attention.head_count_kv=[2,2] feed_forward_length=[12,12]", "", "heads=4/2 ff=12", NULL},
    {"llama", SIZES " attention.head_count_kv=[2,4]", "", NULL, "differs from layer to layer"},
    {"llama", SIZES " attention.head_count_kv=[]", "", NULL, "no list of integers"},
    {"llama", SIZES " attention.head_count_kv=3", "", NULL, "cannot share 3"},
    {"llama", SIZES " attention.head_count_kv=0", "", NULL, "0 key/value heads"},
    {"llama", SIZES " attention.key_length=4 attention.value_length=6", "", NULL,
     "keys have 4 components and values 6"},
    {"llama", SIZES " expert_count=8", "", NULL, "a mixture of 8 experts"},
    {"llama", SIZES " attention.sliding_window=16", "", "windows=16,16", NULL},
    {"llama", SIZES " rope.scaling.type=linear rope.scaling.factor=4.0", "", "linear factor=4", NULL},
    {"llama", SIZES " rope.scale_linear=2.0", "", "linear factor=2", NULL},
    {"llama", SIZES " rope.scaling.type=none rope.scaling.factor=4.0", "", "plain", NULL},
    {"llama", SIZES " rope.scaling.type=yarn rope.scaling.factor=4.0 rope.scaling.original_context_length=16", "",
     "yarn factor=4 original=16 low=1 high=32 gain=1.1386", NULL},
    {"llama", SIZES " rope.scaling.type=longrope", "", NULL, "rope scaling \"longrope\""},
    {"llama", SIZES " rope.dimension_count=3", "", NULL, "turn 3 of the 2"},
    {"llama", SIZES " rope.dimension_count=0", "", NULL, "turn 0 of the 2"},
    {"llama", SIZES " rope.freq_base=1", "", NULL, "rope.freq_base is no number with a fraction"},
    {"llama", SIZES " rope.freq_base=-1e0", "", NULL, "the rope base is -1"},
    {"llama", "block_count=1", "", NULL, "key llama.context_length is missing"},
    {"llama",
     "block_count=0 context_length=64 embedding_length=8 feed_forward_length=12 attention.head_count=4 "
     "attention.layer_norm_rms_epsilon=1e-5",
     "", NULL, "0 layers"},
    {"llama",
     "block_count=4294967295 context_length=64 embedding_length=8 feed_forward_length=12 attention.head_count=4 "
     "attention.layer_norm_rms_epsilon=1e-5",
     "", NULL, "block_count is 4294967295"},
    {"llama", "block_count=1 context_length=64 embedding_length=8 feed_forward_length=12 attention.head_count=4", "",
     NULL, "layer_norm_rms_epsilon is missing"},
    {"llama", SIZES " block_count=many", "", NULL, "block_count is no integer"},
    {"qwen2", SIZES " attention.head_count_kv=2", "", "qwen2 halves heads=4/2 noqk rms", NULL},
    {"qwen3", SIZES " attention.key_length=4", "", "qwen3 halves qknorm head=4 dim=4", NULL},
    {"gpt2", SIZES, "", "gpt2 layernorm eps=1e-06 learned mlp=tanh tied serial", NULL},
    {"gptj", SIZES " rope.dimension_count=2", "output.weight", "gptj pairs parallel shared untied mlp=tanh", NULL},
    {"gptneox", SIZES " use_parallel_residual=true", "blk.0.ffn_norm.weight", "gpt_neox halves parallel own mlp=erf",
     NULL},
    {"gptneox", SIZES " use_parallel_residual=false", "blk.0.ffn_norm.weight", "serial own", NULL},
    {"falcon", SIZES " attention.head_count_kv=1", "", "falcon halves heads=4/1 parallel shared mlp=erf", NULL},
    {"falcon", SIZES " attention.head_count_kv=2", "blk.0.attn_norm.weight blk.0.attn_norm_2.weight", "parallel own",
     NULL},
    {"mpt", SIZES " attention.max_alibi_bias=16.0 attention.clamp_kqv=6.0", "", "mpt alibi bias=16 clip=6 serial",
     NULL},
    {"mpt", SIZES, "position_embd.weight", "learned", NULL},
    {"mpt", SIZES, "", NULL, "the largest ALiBi bias is 0"},
    {"phi2", SIZES, "", "phi halves layernorm parallel shared mlp=tanh", NULL},
    {"gemma2", SIZES, "", NULL, "the family \"gemma2\", which doppel does not run; it runs llama, mistral, qwen2"},
    {"bert", SIZES, "", NULL, "a bert encoder"},
    {"", "", "", NULL, "general.architecture is missing"},
};

static void put_value(buf *b, const char *name, const char *value) {
    if (*value == '[') {
        buf list = {0};
        uint64_t n = 0;
        for (const char *p = value + 1; *p >= '0' && *p <= '9'; n++) {
            char *end;
            put_u32(&list, (uint32_t)strtoul(p, &end, 10));
            p = *end == ',' ? end + 1 : end;
        }
        put_key(b, name, GGUF_ARRAY);
        put_u32(b, GGUF_UINT32);
        put_u64(b, n);
        buf_append(b, list.data, list.len);
        buf_free(&list);
    } else if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
        put_key(b, name, GGUF_BOOL);
        buf_putc(b, *value == 't');
    } else if (strspn(value, "0123456789") == strlen(value)) {
        put_key_u32(b, name, (uint32_t)strtoul(value, NULL, 10));
    } else if (strspn(value, "0123456789.-e") == strlen(value)) {
        put_key_f32(b, name, strtof(value, NULL));
    } else {
        put_key_text(b, name, value);
    }
}

// The last of equal names counts, so that a case can replace one of SIZES.
static bool comes_again(const char *pair, const char *rest) {
    size_t len = strcspn(pair, "=") + 1;
    for (const char *p = rest; p && *p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL)
        if (strncmp(p, pair, len) == 0) return true;
    return false;
}

static void write_gguf(const gguf_case *t, buf *file) {
    buf keys = {0}, tensors = {0};
    uint64_t n_keys = 0, n_tensors = 1;
    char *copy = mem_strdup(t->keys), *rest = copy, *word;
    if (*t->arch) {
        put_key_text(&keys, "general.architecture", t->arch);
        n_keys++;
    }
    while ((word = strsep(&rest, " ")) && *word) {
        if (comes_again(word, rest)) continue;
        char name[128], *value = strchr(word, '=') + 1;
        snprintf(name, sizeof name, "%s.%.*s", t->arch, (int)(value - word - 1), word);
        put_value(&keys, name, value);
        n_keys++;
    }
    free(copy);
    put_tensor(&tensors, "token_embd.weight", 1, 4, TENSOR_F32, 0);
    copy = rest = mem_strdup(t->tensors);
    while ((word = strsep(&rest, " ")) && *word) put_tensor(&tensors, word, 1, 1, TENSOR_F32, 32 * n_tensors++);
    free(copy);
    put_header(file, 3, n_tensors, n_keys);
    buf_append(file, keys.data, keys.len);
    buf_append(file, tensors.data, tensors.len);
    put_padding(file, 32);
    put_zeros(file, 32 * n_tensors);
    buf_free(&keys);
    buf_free(&tensors);
}

static void test_gguf(void) {
    char *folder = make_folder(), *path = path_of(folder, "m.gguf");
    for (size_t i = 0; i < sizeof gguf_cases / sizeof *gguf_cases; i++) {
        const gguf_case *t = &gguf_cases[i];
        buf b = {0}, what = {0};
        error err = {{0}};
        buf_printf(&what, "%s %s", t->arch, t->keys);
        write_gguf(t, &b);
        write_file(folder, "m.gguf", b.data, b.len);
        model_file *f = model_file_open(path, &err);
        if (OK(f != NULL, "%s: %s", what.data, err.text)) check(f, what.data, t->words, t->says);
        model_file_close(f);
        buf_free(&b);
        buf_free(&what);
    }
    remove(path);
    rmdir(folder);
    free(path);
    free(folder);
}

// --- golden models ---

static void test_golden(const char *name, const char *words) {
    char *path = golden(name);
    error err = {{0}};
    if (!path) {
        SKIP("no golden model %s here", name);
        return;
    }
    model_file *f = model_file_open(path, &err);
    if (OK(f != NULL, "%s", err.text)) check(f, name, words, NULL);
    model_file_close(f);
    free(path);
}

static void test_goldens(void) {
    static const char gpt2[] =
        "gpt2 layers=3 embd=64 heads=4/4 ff=256 vocab=512 ctx=128 layernorm eps=1e-05 learned tied mlp=tanh";
    static const char llama[] =
        "llama layers=2 embd=96 heads=6/2 head=16 ff=192 ctx=256 theta=100000 eps=1e-05 dim=16 plain tied";
    static const char wide[] = "llama embd=80 heads=4/2 head=32 ff=160 theta=500000 untied dim=32 scale=0.17678";
    static const char qwen2[] = "qwen2 layers=3 heads=4/2 ff=144 theta=1e+06 eps=1e-06 tied halves windows=0,0,0";
    static const char qwen3[] = "qwen3 heads=4/2 head=32 ff=128 theta=1e+06 eps=1e-06 untied halves qknorm vocab=504";
    static const char quant[] =
        "llama layers=2 embd=256 heads=4/2 head=64 ff=256 vocab=512 theta=10000 eps=1e-05 tied pairs";
    static const char *const quants[] = {"q4_0", "q4_1",   "q5_0",   "q5_1",   "q8_0",
                                         "q2_K", "q3_K_M", "q4_K_M", "q5_K_M", "q6_K"};
    test_golden("gpt2", gpt2);
    test_golden("gpt2-hub", gpt2);
    test_golden("gguf/gpt2-f32.gguf", gpt2);
    test_golden("gguf/gpt2-f16.gguf", gpt2);
    test_golden("gpt_neo", "gpt_neo layers=4 heads=4/4 ff=256 learned scale=1 tied windows=0,8,0,8");
    test_golden("llama", llama);
    test_golden("llama", "halves");
    test_golden("gguf/llama-f32.gguf", llama);
    test_golden("gguf/llama-f16.gguf", "llama pairs");
    test_golden("llama-hd", wide);
    test_golden("llama-hd", "llama3 factor=8 low=1 high=4 original=32");
    test_golden("gguf/llama-hd-f32.gguf", wide);
    test_golden("llama-bf16", "llama embd=64 heads=4/4 ff=128 theta=10000 eps=1e-06 tied");
    test_golden("qwen2", qwen2);
    test_golden("gguf/qwen2-f32.gguf", qwen2);
    test_golden("gguf/qwen2-f16.gguf", qwen2);
    test_golden("qwen3", qwen3);
    test_golden("gguf/qwen3-f32.gguf", qwen3);
    for (size_t i = 0; i < sizeof quants / sizeof *quants; i++) {
        char name[64];
        snprintf(name, sizeof name, "quant/llama-%s.gguf", quants[i]);
        test_golden(name, quant);
    }
}

int main(void) {
    test_json();
    test_gguf();
    test_goldens();
    return test_end();
}
