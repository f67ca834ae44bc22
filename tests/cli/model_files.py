"""Small models for tests: a GGUF that is valid as a file, and a GPT-2 directory that is valid as a model."""
import json
import struct


def gguf(padding=40000, name="a small one"):
    """A GGUF v3 with one float32 tensor of `padding` bytes and a few settings."""
    def text(s):
        raw = s if isinstance(s, bytes) else s.encode()
        return struct.pack("<Q", len(raw)) + raw

    n = padding // 4 // 32 * 32
    settings = [("general.architecture", "llama"), ("general.name", name)]
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(settings))
    for key, value in settings:
        head += text(key) + struct.pack("<I", 8) + text(value)
    head += text("token_embd.weight") + struct.pack("<IQQIQ", 2, 32, n // 32, 0, 0)
    head += b"\0" * (-len(head) % 32)
    return head + bytes(i * 7 % 251 for i in range(4 * n))


def safetensors(tensors):
    """tensors: name -> shape; float32, all zero."""
    head, at = {}, 0
    for name, shape in tensors.items():
        size = 4
        for n in shape:
            size *= n
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(head).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + bytes(at)


def gpt2_directory(shards=1, vocab=64, width=32):
    """file name -> bytes of a one-layer GPT-2 with a tokenizer of single bytes."""
    block = {"ln_1.weight": [width], "ln_1.bias": [width], "attn.c_attn.weight": [width, 3 * width],
             "attn.c_attn.bias": [3 * width], "attn.c_proj.weight": [width, width], "attn.c_proj.bias": [width],
             "ln_2.weight": [width], "ln_2.bias": [width], "mlp.c_fc.weight": [width, 4 * width],
             "mlp.c_fc.bias": [4 * width], "mlp.c_proj.weight": [4 * width, width], "mlp.c_proj.bias": [width]}
    tensors = {"wte.weight": [vocab, width], "wpe.weight": [16, width], "ln_f.weight": [width], "ln_f.bias": [width]}
    tensors.update(("h.0." + k, v) for k, v in block.items())
    words = {chr(33 + i): i for i in range(vocab - 1)}
    words["<|endoftext|>"] = vocab - 1
    files = {
        "config.json": json.dumps({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": 1, "n_head": 4,
                                   "n_embd": width, "n_positions": 16, "vocab_size": vocab,
                                   "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new",
                                   "bos_token_id": vocab - 1, "eos_token_id": vocab - 1}).encode(),
        "vocab.json": json.dumps(words).encode(),
        "merges.txt": b"#version: 0.2\n",
    }
    if shards == 1:
        files["model.safetensors"] = safetensors(tensors)
        return files
    names = sorted(tensors)
    index = {}
    for s in range(shards):
        shard = "model-%05d-of-%05d.safetensors" % (s + 1, shards)
        mine = names[s::shards]
        files[shard] = safetensors({n: tensors[n] for n in mine})
        index.update((n, shard) for n in mine)
    files["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": index}).encode()
    return files
