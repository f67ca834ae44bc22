"""A model whose every next token is known: a Llama directory with one layer of zeros and one-hot embeddings, so that
the logits depend on the last token alone and are the numbers that the test gives (tests/bigram.h does it in C)."""
import json
import math
import os
import struct

VOCAB, FF = 64, 32


def write(folder, tokens, follow, eos=None, context=600, low=-30.0):
    """tokens: the first entries of the vocabulary, as vocab.json writes them. follow: (last, next) -> logit; the others
    are `low`. eos: a token."""
    os.makedirs(folder, exist_ok=True)
    words = list(tokens) + ["<unused%d>" % i for i in range(len(tokens), VOCAB)]
    ids = {w: i for i, w in enumerate(words)}
    logits = {(ids[a], ids[b]): x for (a, b), x in follow.items()}
    identity = [1.0 if i == j else 0.0 for i in range(VOCAB) for j in range(VOCAB)]
    head = [logits.get((j, i), low) / math.sqrt(VOCAB) for i in range(VOCAB) for j in range(VOCAB)]
    layer = "model.layers.0."
    tensors = [("model.embed_tokens.weight", [VOCAB, VOCAB], identity), ("model.norm.weight", [VOCAB], [1.0] * VOCAB),
               ("lm_head.weight", [VOCAB, VOCAB], head)]
    tensors += [(layer + n + ".weight", [VOCAB], [1.0] * VOCAB) for n in ("input_layernorm", "post_attention_layernorm")]
    tensors += [(layer + "self_attn.%s_proj.weight" % n, [VOCAB, VOCAB], [0.0] * VOCAB * VOCAB) for n in "qkvo"]
    tensors += [(layer + "mlp.%s_proj.weight" % n, [FF, VOCAB], [0.0] * FF * VOCAB) for n in ("gate", "up")]
    tensors += [(layer + "mlp.down_proj.weight", [VOCAB, FF], [0.0] * FF * VOCAB)]
    header, data = {}, b""
    for name, shape, values in tensors:
        raw = struct.pack("<%df" % len(values), *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": VOCAB,
              "intermediate_size": FF, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
              "vocab_size": VOCAB, "max_position_embeddings": context, "rms_norm_eps": 1e-9, "rope_theta": 10000.0,
              "hidden_act": "silu", "tie_word_embeddings": False}
    if eos is not None:
        config["eos_token_id"] = ids[eos]
    put = {"config.json": json.dumps(config).encode(), "vocab.json": json.dumps(ids).encode(),
           "merges.txt": b"#version: 0.2\n", "model.safetensors": struct.pack("<Q", len(text)) + text + data}
    for name, content in put.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(content)
    return folder


def chain(*tokens, logit=5.0):
    """follow for a text that goes through these tokens."""
    return {(a, b): logit for a, b in zip(tokens, tokens[1:])}
