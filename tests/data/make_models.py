#!/usr/bin/env python3
"""Inputs for the fuzz targets to start from: tests/data/make_models.py gguf|safetensors|config FOLDER

Small files of every shape that the readers know: models of every family as GGUF (all scalar and array types, every
tensor format, a tokenizer), safetensors of every dtype, and config.json files in every spelling. All are our own.
"""
import json
import os
import struct
import sys

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}
# ggml's number of a tensor format: elements and bytes of a block
BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
          11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 30: (1, 2)}


def text(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, v):
    if kind == STRING:
        return text(v)
    if kind == ARRAY:
        inner, items = v
        return struct.pack("<IQ", inner, len(items)) + b"".join(value(inner, i) for i in items)
    return struct.pack("<" + PACK[kind], v)


def gguf(keys, tensors, version=3, alignment=32):
    """keys: (name, type, value); tensors: (name, dimensions, format)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
    for name, kind, v in keys:
        head += text(name) + struct.pack("<I", kind) + value(kind, v)
    data = b""
    for name, ne, form in tensors:
        elements, size = BLOCKS[form]
        n = 1
        for d in ne:
            n *= d
        head += text(name) + struct.pack("<I", len(ne)) + struct.pack("<%dQ" % len(ne), *ne)
        head += struct.pack("<IQ", form, len(data))
        data += bytes(i * 31 % 256 for i in range(n // elements * size))
        data += b"\0" * (-len(data) % alignment)
    return head + b"\0" * (-len(head) % alignment) + data


def tokenizer_keys(kind):
    letters = [chr(c) for c in range(33, 127)]
    words = ["<s>", "</s>"] + letters + ["\u0120", "\u010a", "th", "the"]
    keys = [("tokenizer.ggml.model", STRING, kind), ("tokenizer.ggml.tokens", ARRAY, (STRING, words)),
            ("tokenizer.ggml.token_type", ARRAY, (I32, [3, 3] + [1] * (len(words) - 2))),
            ("tokenizer.ggml.bos_token_id", U32, 0), ("tokenizer.ggml.eos_token_id", U32, 1),
            ("tokenizer.ggml.add_bos_token", BOOL, True)]
    if kind == "gpt2":
        keys += [("tokenizer.ggml.pre", STRING, "smollm"), ("tokenizer.ggml.merges", ARRAY, (STRING, ["t h", "th e"]))]
    else:
        keys += [("tokenizer.ggml.scores", ARRAY, (F32, [-float(i) for i in range(len(words))]))]
    return len(words), keys


def model_gguf(arch, more, kind="gpt2", form=0, extra=()):
    n_vocab, keys = tokenizer_keys(kind)
    width = max(8, BLOCKS[form][0])
    sizes = {"block_count": 1, "context_length": 64, "embedding_length": width, "feed_forward_length": width,
             "attention.head_count": 4}
    settings = [("general.architecture", STRING, arch), ("general.alignment", U32, 32)]
    settings += [(arch + "." + k, U32, v) for k, v in sizes.items()]
    settings += [(arch + ".attention.layer_norm_rms_epsilon", F32, 1e-5), (arch + ".attention.layer_norm_epsilon", F32, 1e-5)]
    settings += [(arch + "." + k, t, v) for k, t, v in more] + keys
    settings += [("tokenizer.chat_template", STRING, "{% for m in messages %}<|im_start|>{{ m }}<|im_end|>{% endfor %}")]
    tensors = [("token_embd.weight", [width, n_vocab], form), ("output_norm.weight", [width], 0)]
    tensors += [("blk.0.%s.weight" % n, [width, width], form) for n in ("attn_q", "attn_k", "attn_v", "attn_output")]
    return gguf(settings, tensors + [(n, [width], 0) for n in extra])


def gguf_files():
    every = [("n.%d" % t, t, 1) for t in PACK] + [("a.%d" % t, ARRAY, (t, [1, 0, 1])) for t in PACK]
    every += [("s", STRING, "hello"), ("as", ARRAY, (STRING, ["a", "", "bc"])),
              ("aa", ARRAY, (ARRAY, [(U8, [1, 2]), (STRING, ["x"])]))]
    yield "types", gguf(every, [("t%d" % f, [BLOCKS[f][0], 1, 1, 1], f) for f in BLOCKS])
    yield "version2", gguf(every[:3], [("t", [4, 2], 0)], version=2)
    yield "nothing", gguf([], [])
    yield "llama", model_gguf("llama", [("attention.head_count_kv", U32, 2), ("rope.freq_base", F32, 1e5),
                                        ("rope.dimension_count", U32, 8)])
    yield "llama_spm", model_gguf("llama", [("rope.scaling.type", STRING, "yarn"), ("rope.scaling.factor", F32, 4.0),
                                            ("rope.scaling.original_context_length", U32, 16)], kind="llama")
    yield "lists", model_gguf("llama", [("attention.head_count_kv", ARRAY, (U32, [2])), ("expert_count", U32, 0)])
    yield "qwen3", model_gguf("qwen3", [("attention.key_length", U32, 8), ("attention.value_length", U32, 8)], form=8)
    yield "gptneox", model_gguf("gptneox", [("use_parallel_residual", BOOL, True)], extra=["blk.0.ffn_norm.weight"])
    yield "falcon", model_gguf("falcon", [("attention.head_count_kv", U32, 1)],
                               extra=["blk.0.attn_norm.weight", "blk.0.attn_norm_2.weight"])
    yield "mpt", model_gguf("mpt", [("attention.max_alibi_bias", F32, 8.0), ("attention.clamp_kqv", F32, 6.0)])
    yield "gpt2", model_gguf("gpt2", [], extra=["position_embd.weight"])
    yield "bert", model_gguf("bert", [], kind="bert")


def safetensors(tensors, note=None):
    """tensors: (name, dtype, bytes of an element, shape)."""
    head, at = ({"__metadata__": note} if note else {}), 0
    for name, dtype, size, shape in tensors:
        for n in shape:
            size *= n
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(head).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + bytes(i * 31 % 256 for i in range(at))


def safetensors_files():
    sizes = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
             "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}
    yield "dtypes", safetensors([(d.lower(), d, n, [2, 3]) for d, n in sizes.items()], {"format": "pt"})
    yield "nothing", safetensors([])
    yield "scalar", safetensors([("s", "F32", 4, []), ("none", "F16", 2, [0, 4])])
    for family, names in {
        "llama": ["model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight", "model.norm.weight"],
        "gpt2": ["transformer.wte.weight", "h.11.attn.c_attn.weight", "h.0.attn.bias", "ln_f.bias"],
        "gpt_neox": ["gpt_neox.layers.0.attention.query_key_value.weight", "embed_out.weight"],
        "bert": ["bert.embeddings.LayerNorm.gamma", "encoder.layer.1.attention.output.LayerNorm.beta", "cls.bias"],
    }.items():
        yield family, safetensors([(n, "F32", 4, [2, 2]) for n in names], {"format": "pt"})


def config_files():
    llama = {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 4, "num_key_value_heads": 2,
             "intermediate_size": 12, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu",
             "rope_theta": 10000.0, "tie_word_embeddings": False, "vocab_size": 4}
    llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 32}
    yarn = {"type": "yarn", "factor": 4.0, "attention_factor": 1.5, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
            "mscale_all_dim": 0.5, "truncate": True, "original_max_position_embeddings": 16}
    neox = {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12}
    for name, config in {
        "llama": llama,
        "llama3": dict(llama, rope_scaling=llama3, head_dim=4),
        "parameters": dict(llama, rope_parameters=dict(llama3, rope_theta=500000.0, partial_rotary_factor=0.5)),
        "yarn": dict(llama, rope_scaling=yarn),
        "linear": dict(llama, rope_scaling={"type": "linear", "factor": 2.0}),
        "mistral": dict(llama, model_type="mistral", sliding_window=16),
        "qwen2": dict(llama, model_type="qwen2", use_sliding_window=True, sliding_window=16, max_window_layers=1),
        "qwen3": dict(llama, model_type="qwen3", head_dim=4, layer_types=["full_attention", "sliding_attention"]),
        "gpt2": {"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 2, "n_inner": None, "n_positions": 16,
                 "scale_attn_weights": True, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"},
        "gpt_neo": {"model_type": "gpt_neo", "num_layers": 4, "hidden_size": 8, "num_heads": 2, "window_size": 8,
                    "attention_types": [[["global", "local"], 2]]},
        "gptj": {"model_type": "gptj", "n_layer": 1, "n_embd": 8, "n_head": 1, "rotary_dim": 4},
        "gpt_neox": dict(neox, model_type="gpt_neox", rotary_pct=0.5, rotary_emb_base=10000, hidden_act="gelu"),
        "falcon": dict(neox, model_type="falcon", new_decoder_architecture=True, num_kv_heads=1, alibi=False,
                       multi_query=True, parallel_attn=True),
        "refined": {"model_type": "RefinedWebModel", "n_layer": 1, "hidden_size": 8, "n_head": 2, "n_head_kv": 1},
        "mpt": {"model_type": "mpt", "n_layers": 2, "d_model": 8, "n_heads": 2, "expansion_ratio": 4, "max_seq_len": 32,
                "attn_config": {"alibi": True, "alibi_bias_max": 8, "clip_qkv": 6.0, "qk_ln": False, "prefix_lm": False,
                                "softmax_scale": None, "attn_type": "multihead_attention"}},
        "phi": dict(neox, model_type="phi", partial_rotary_factor=0.5, qk_layernorm=False),
        "bert": dict(neox, model_type="bert"),
        "quantised": dict(llama, quantization_config={"quant_method": "gptq"}),
    }.items():
        yield name, json.dumps(dict({"model_type": "llama"}, **config)).encode()


def main():
    kinds = {"gguf": gguf_files, "safetensors": safetensors_files, "config": config_files}
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit(__doc__.splitlines()[0])
    os.makedirs(sys.argv[2], exist_ok=True)
    for name, data in kinds[sys.argv[1]]():
        with open(os.path.join(sys.argv[2], "seed_" + name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
