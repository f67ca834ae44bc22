// Chat formats: every family's template as models bring it, rendered as Jinja would; and what is no known template.
#include "model/text/chat_format.h"
#include "tests/text_cases.h"

#define LOOP(body)  "{% for message in messages %}" body "{% endfor %}"
#define ASK(text)   "{% if add_generation_prompt %}{{ " text " }}{% endif %}"
#define CHATML_TURN "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
#define CHATML_ASK  ASK("'<|im_start|>assistant\\n'")
#define FIRST       "{% if loop.first and messages[0]['role'] != 'system' %}"

static const chat_message talk[] = {{"user", " Hi "}, {"assistant", " Hello. "}, {"user", "Bye"}};
static const chat_message told[] = {
    {"system", " Be brief. "}, {"user", " Hi "}, {"assistant", " Hello. "}, {"user", "Bye"}};
enum { N_TALK = 3, N_TOLD = 4 };

static chat_format format_of(const char *template) {
    chat_format c = chat_format_of_template(template, template ? strlen(template) : 0, NULL);
    free(c.bos);
    free(c.eos);
    // As if they came from a tokenizer; the end that a template takes from it was copied from the empty text.
    c.bos = mem_strdup("<s>");
    c.eos = mem_strdup("</s>");
    if (c.details.end && !*c.details.end) {
        free(c.details.end);
        c.details.end = mem_strdup("</s>");
    }
    return c;
}

static void renders(const char *name, const char *template, chat_family family, const chat_message *m, size_t n,
                    bool ask, const char *want) {
    chat_format c = format_of(template);
    buf got = {0};
    error err = {{0}};
    OK(c.family == family, "%s is %s, not %s", name, chat_family_name(family), chat_family_name(c.family));
    int rc = chat_render(&c, m, n, ask, &got, &err);
    if (want)
        OK(rc == 0 && strcmp(buf_str(&got), want) == 0, "%s:\n%s\nexpected:\n%s", name, buf_str(&got), want);
    else
        OK(rc != 0 && strstr(err.text, "system"), "%s refuses: \"%s\"", name, err.text);
    buf_free(&got);
    chat_format_free(&c);
}

#define T(text)                                                                                                        \
    "<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\n Hello. <|im_end|>\n<|im_start|>user\nBye<|im_end|>\n" text

static void test_chatml(void) {
    renders("without a system", LOOP(CHATML_TURN) CHATML_ASK, CHAT_CHATML, talk, N_TALK, true,
            T("<|im_start|>assistant\n"));
    renders("not asked", LOOP(CHATML_TURN) CHATML_ASK, CHAT_CHATML, talk, N_TALK, false, T(""));
    renders("nothing said", LOOP(CHATML_TURN) CHATML_ASK, CHAT_CHATML, NULL, 0, true, "<|im_start|>assistant\n");
    renders("with BOS", "{{ bos_token }}" LOOP(CHATML_TURN), CHAT_CHATML, talk, N_TALK, false, "<s>" T(""));
    const char *escaped = LOOP(
        FIRST "{{ '<|im_start|>system\\nIt\\'s \\\"me\\\",\\ta {{bot}} 100%<|im_end|>\\n' }}{% endif %}" CHATML_TURN);
    renders("a default with escapes", escaped, CHAT_CHATML, talk, N_TALK, false,
            "<|im_start|>system\nIt's \"me\",\ta {{bot}} 100%<|im_end|>\n" T(""));
    const char *real = LOOP(FIRST "{{ '<|im_start|>system\nYou are a test.<|im_end|>\n' }}{% endif %}" CHATML_TURN);
    renders("a default with real newlines", real, CHAT_CHATML, talk, N_TALK, false,
            "<|im_start|>system\nYou are a test.<|im_end|>\n" T(""));
    renders("a system of one's own", real, CHAT_CHATML, told, N_TOLD, false,
            "<|im_start|>system\n Be brief. <|im_end|>\n" T(""));
    renders("a default, nothing said", real, CHAT_CHATML, NULL, 0, false, "");
    const char *branch =
        "{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
        "{%- else %}{{- '<|im_start|>system\\nElse.<|im_end|>\\n' }}{%- endif %}" LOOP(CHATML_TURN);
    renders("a default in a branch", branch, CHAT_CHATML, talk, N_TALK, false,
            "<|im_start|>system\nElse.<|im_end|>\n" T(""));
    const char *set =
        "{% if x %}{% set system_message = messages[0]['content'] %}{% else %}{% set system_message = 'Set.' %}{% endif %}"
        "{{ '<|im_start|>system\\n' + system_message + '<|im_end|>\\n' }}" LOOP(CHATML_TURN);
    renders("a default in a variable", set, CHAT_CHATML, talk, N_TALK, false,
            "<|im_start|>system\nSet.<|im_end|>\n" T(""));
    renders("trimmed",
            LOOP("{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>\\n' }}"),
            CHAT_CHATML, talk, 1, false, "<|im_start|>user\nHi<|im_end|>\n");
    renders("no newline", LOOP("{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}"),
            CHAT_CHATML, talk, 1, false, "<|im_start|>user\n Hi <|im_end|>");
    renders("other roles", LOOP(CHATML_TURN), CHAT_CHATML, (chat_message[]){{"tool", "7"}}, 1, false,
            "<|im_start|>tool\n7<|im_end|>\n");
}

static void test_thoughts(void) {
    static const char template[] = "{%- set ns = namespace(last_query_index=0) %}" LOOP(
        "{{- '<|im_start|>' + message.role + '\\n' + content.split('</think>')[-1] + '<|im_end|>\\n' }}") CHATML_ASK;
    const chat_message m[] = {
        {"user", "q"}, {"assistant", "<think>\nhm\n</think>\n\nyes"}, {"user", "why"}, {"assistant", "so"}};
    renders("earlier thoughts go", template, CHAT_CHATML, m, 3, false,
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n<|im_start|>user\nwhy<|im_end|>\n");
    renders("the last ones stay", template, CHAT_CHATML, m, 2, false,
            "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<think>\nhm\n</think>\n\nyes<|im_end|>\n");
    renders("no thoughts", template, CHAT_CHATML, m + 2, 2, false,
            "<|im_start|>user\nwhy<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nso<|im_end|>\n");
}

static void test_llama(void) {
    static const char three[] = LOOP(
        "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | "
        "trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content "
        "}}") ASK("'<|start_header_id|>assistant<|end_header_id|>\\n\\n'");
    renders(
        "Llama 3", three, CHAT_LLAMA3, told, 2, true,
        "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n");
    static const char dated[] =
        "{{- bos_token }}{%- set date_string = \"26 Jul 2024\" %}{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}"
        "{{- \"Cutting Knowledge Date: May 2020\\n\" }}{{- \"Today Date: \" + date_string + \"\\n\\n\" }}{{- system_message "
        "}}{{- \"<|eot_id|>\" }}" LOOP("{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ "
                                       "message['content'] | trim + '<|eot_id|>' }}") ASK("''");
    renders(
        "Llama 3.1", dated, CHAT_LLAMA3, talk, 1, false,
        "<s><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: May 2020\nToday Date: 26 Jul 2024\n\n<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>");
    static const char two[] =
        "{% set x = '<<SYS>>\\n' %}" LOOP("{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{{ ' ' + "
                                          "content.strip() + ' ' + eos_token }}");
    renders("Llama 2", two, CHAT_LLAMA2, told, N_TOLD, true,
            "<s>[INST] <<SYS>>\n Be brief. \n<</SYS>>\n\n Hi [/INST] Hello. </s><s>[INST] Bye [/INST]");
    renders("Llama 2 without a system", two, CHAT_LLAMA2, talk, N_TALK, true,
            "<s>[INST] Hi [/INST] Hello. </s><s>[INST] Bye [/INST]");
}

static void test_others(void) {
    static const char old[] =
        "{{ bos_token }}" LOOP("{{ '[INST] ' + message['content'] + ' [/INST]' }}{{ message['content'] + eos_token}}");
    renders("Mistral", old, CHAT_MISTRAL, talk, N_TALK, true, "<s>[INST]  Hi  [/INST] Hello. </s>[INST] Bye [/INST]");
    renders("Mistral", old, CHAT_MISTRAL, told, N_TOLD, true, NULL);
    static const char new[] = "{%- if messages[0][\"role\"] == \"system\" %}{{- bos_token }}" LOOP(
        "{% if loop.last and system_message is defined %}{{- \"[INST] \" + system_message + \"\\n\\n\" + message[\"content\"] + \"[/INST]\" }}"
        "{{- \" \" + message[\"content\"]|trim + eos_token}}");
    renders("Mistral v3", new, CHAT_MISTRAL, told, N_TOLD, true,
            "<s>[INST]  Hi [/INST] Hello.</s>[INST]  Be brief. \n\nBye[/INST]");
    static const char zephyr[] =
        LOOP("\n{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + message['content'] + eos_token }}\n"
             "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n");
    renders("Zephyr", zephyr, CHAT_ZEPHYR, told, 3, true,
            "<|system|>\n Be brief. </s>\n<|user|>\n Hi </s>\n<|assistant|>\n Hello. </s>\n<|assistant|>\n");
    static const char gemma[] = "{{ bos_token }}{{ raise_exception('System role not supported') }}" LOOP(
        "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}")
        ASK("'<start_of_turn>model\\n'");
    renders(
        "Gemma", gemma, CHAT_GEMMA, talk, 2, true,
        "<s><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n<start_of_turn>model\n");
    renders("Gemma", gemma, CHAT_GEMMA, told, 2, true, NULL);
    static const char gemma3[] = "{{ bos_token }}{%- set first_user_prefix = '' -%}" LOOP(
        "{{ '<start_of_turn>' + role + '\\n' }}{{ message['content'] | trim }}{{ '<end_of_turn>\\n' }}");
    renders("Gemma 3", gemma3, CHAT_GEMMA, told, 2, false, "<s><start_of_turn>user\n Be brief. \n\nHi<end_of_turn>\n");
    static const char phi[] = LOOP(
        "{% if message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}") "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}";
    renders("Phi 3", phi, CHAT_PHI3, told, 2, true,
            "<|system|>\n Be brief. <|end|>\n<|user|>\n Hi <|end|>\n<|assistant|>\n");
    renders("Phi 3, not asked", phi, CHAT_PHI3, talk, 1, false, "<|user|>\n Hi <|end|>\n</s>");
}

static void test_plain(void) {
    renders("no template", NULL, CHAT_PLAIN, told, N_TOLD, true,
            " Be brief. \n\nUser:  Hi \nAssistant:  Hello. \nUser: Bye\nAssistant:");
    renders("an unknown template", "{{ messages }}", CHAT_PLAIN, talk, 1, false, "User:  Hi \n");
    chat_format none = format_of(NULL), unknown = format_of("{{ x }}"), known = format_of(LOOP(CHATML_TURN));
    OK(!none.has_template && unknown.has_template && known.has_template, "has_template");
    OK(chat_stop_text(&none) && chat_stop_text(&unknown) && !chat_stop_text(&known),
       "a stop text for plain conversations only");
    chat_format_free(&none);
    chat_format_free(&unknown);
    chat_format_free(&known);
}

// Templates are strangers' texts: cut anywhere, they are read without harm.
static void test_cut_templates(void) {
    static const char text[] =
        "{{ bos_token }}{% set system_message = 'a\\'b' %}{% set date_string = \"x\" %}\"Cutting Knowledge Date: \\n\""
        "'<|im_start|>system\\n\\\\<|im_end|>' [INST] ' [/INST]' <|start_header_id|>";
    for (size_t n = 0; n < sizeof text; n++) {
        chat_format c = chat_format_of_template(text, n, NULL);
        buf got = {0};
        chat_render(&c, told, N_TOLD, true, &got, NULL);
        chat_format_free(&c);
        buf_free(&got);
    }
    OK(true, "read");
}

static void test_bytes(void) {
    chat_format c = format_of(LOOP(CHATML_TURN));
    buf got = {0};
    chat_render_bytes(&c, (chat_message[]){{"user", "a\0b"}}, (size_t[]){3}, 1, false, &got, NULL);
    static const char want[] = "<|im_start|>user\na\0b<|im_end|>\n";
    OK(got.len == sizeof want - 1 && memcmp(got.data, want, got.len) == 0, "a NUL inside a message");
    buf_free(&got);
    chat_format_free(&c);
}

// ---- the default model ----

static void test_golden(const gguf *g, const tokenizer *t, json one) {
    chat_message messages[16];
    buf content[16] = {{0}}, role[16] = {{0}}, want = {0}, got = {0};
    size_t n = 0;
    json m;
    for (json_iter it = json_begin(json_get(one, "messages")); n < 16 && json_next(&it, NULL, &m); n++) {
        json_string(json_get(m, "role"), &role[n]);
        json_string(json_get(m, "content"), &content[n]);
        messages[n] = (chat_message){buf_str(&role[n]), buf_str(&content[n])};
    }
    chat_format c = chat_format_of_gguf(g, t);
    json_string(json_get(one, "text"), &want);
    chat_render(&c, messages, n, json_bool(json_get(one, "add_generation_prompt"), false), &got, NULL);
    OK(strcmp(buf_str(&got), buf_str(&want)) == 0, "%s\nexpected:\n%s", buf_str(&got), buf_str(&want));
    OK(encodes_to(t, &got, TOKENIZER_SPECIAL, json_get(one, "ids")), "its ids");
    for (size_t i = 0; i < 16; i++) {
        buf_free(&content[i]);
        buf_free(&role[i]);
    }
    buf_free(&want);
    buf_free(&got);
    chat_format_free(&c);
}

static void test_goldens(void) {
    const char *path = getenv("DOPPEL_TEST_MODEL");
    gguf *g = path ? gguf_open(path, NULL) : NULL;
    tokenizer *t = g ? tokenizer_open_gguf(g, NULL) : NULL;
    buf text = {0};
    json root, one;
    if (!t)
        SKIP("the default model is not there");
    else if (!read_case_file("../../shared/goldens/tokenizer/chat_smollm2.json", &text, &root))
        SKIP("chat_smollm2.json is not there");
    else
        for (json_iter it = json_begin(json_get(root, "cases")); json_next(&it, NULL, &one);) test_golden(g, t, one);
    buf_free(&text);
    tokenizer_free(t);
    gguf_close(g);
}

int main(void) {
    test_chatml();
    test_thoughts();
    test_llama();
    test_others();
    test_plain();
    test_cut_templates();
    test_bytes();
    test_goldens();
    return test_end();
}
