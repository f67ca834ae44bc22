"""Tiny models of the families, made at random, and their log-probabilities in plain Python (double precision), written
after the models' papers and published implementations: a second opinion on names, layouts and arithmetic.

A model is a config.json (as a dictionary) and tensors: name -> (shape, flat list), as Hugging Face stores them.
"""
import math
import random
import struct

VOCAB, LAYERS = 24, 2


class Maker:
    """Collects random tensors."""

    def __init__(self, seed):
        self.random, self.tensors = random.Random(seed), {}

    def add(self, name, *shape, spread=0.5, around=0.0):
        n = math.prod(shape)
        # Rounded to float32, since that is what the file holds.
        values = [struct.unpack("f", struct.pack("f", around + self.random.gauss(0, spread)))[0] for _ in range(n)]
        self.tensors[name] = (list(shape), values)

    def linear(self, name, rows, cols, bias):
        self.add(name + ".weight", rows, cols, spread=1.2 / math.sqrt(cols))
        if bias:
            self.add(name + ".bias", rows, spread=0.2)

    def norm(self, name, n, bias):
        self.add(name + ".weight", n, spread=0.3, around=1.0)
        if bias:
            self.add(name + ".bias", n, spread=0.2)


class Weights:
    """The arithmetic that all families share."""

    def __init__(self, tensors):
        self.tensors = tensors

    def vector(self, name):
        return self.tensors[name][1] if name in self.tensors else None

    def row(self, name, i):
        (_, cols), values = self.tensors[name]
        return values[i * cols:(i + 1) * cols]

    def linear(self, name, x):
        (rows, cols), w = self.tensors[name + ".weight"]
        b = self.vector(name + ".bias") or [0.0] * rows
        return [sum(map(float.__mul__, w[r * cols:(r + 1) * cols], x)) + b[r] for r in range(rows)]

    def layer_norm(self, name, x, eps):
        mean = sum(x) / len(x)
        scale = 1 / math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + eps)
        g, b = self.vector(name + ".weight"), self.vector(name + ".bias") or [0.0] * len(x)
        return [(v - mean) * scale * g[i] + b[i] for i, v in enumerate(x)]

    def rms_norm(self, name, x, eps):
        scale = 1 / math.sqrt(sum(v * v for v in x) / len(x) + eps)
        return [v * scale * g for v, g in zip(x, self.vector(name + ".weight"))]


def gelu(x):
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def silu(x):
    return x / (1 + math.exp(-x))


def frequencies(dim, theta):
    return [theta ** (-2 * i / dim) for i in range(dim // 2)]


def rope_halves(x, position, freqs, gain=1.0):
    half, out = len(freqs), list(x)
    for i, f in enumerate(freqs):
        c, s = math.cos(position * f) * gain, math.sin(position * f) * gain
        out[i], out[i + half] = x[i] * c - x[i + half] * s, x[i + half] * c + x[i] * s
    return out


def rope_pairs(x, position, freqs):
    out = list(x)
    for i, f in enumerate(freqs):
        c, s = math.cos(position * f), math.sin(position * f)
        out[2 * i], out[2 * i + 1] = x[2 * i] * c - x[2 * i + 1] * s, x[2 * i + 1] * c + x[2 * i] * s
    return out


def heads_of(x, n):
    d = len(x) // n
    return [x[i * d:(i + 1) * d] for i in range(n)]


def attend(q, keys, values, scale, window=0, slope=0.0):
    """One head of one position over the positions so far (the last is its own)."""
    here = len(keys) - 1
    first = max(0, here - window + 1) if window else 0
    scores = [scale * sum(map(float.__mul__, q, keys[j])) + slope * (j - here) for j in range(first, here + 1)]
    top = max(scores)
    p = [math.exp(s - top) for s in scores]
    total = sum(p)
    return [sum(w * values[first + j][i] for j, w in enumerate(p)) / total for i in range(len(values[0]))]


def add(*vectors):
    return [sum(v) for v in zip(*vectors)]


class Attention:
    """Keeps keys and values of a layer; q, k, v are lists of heads."""

    def __init__(self):
        self.keys, self.values = [], []

    def step(self, q, k, v, scale, window=0, slopes=None):
        self.keys.append(k)
        self.values.append(v)
        share, out = len(q) // len(k), []
        for h, head in enumerate(q):
            out += attend(head, [x[h // share] for x in self.keys], [x[h // share] for x in self.values], scale, window,
                          slopes[h] if slopes else 0.0)
        return out


def log_softmax(x):
    top = max(x)
    total = top + math.log(sum(math.exp(v - top) for v in x))
    return [v - total for v in x]


def log_probs(step, ids):
    """step(id, position) -> logits. The log-probability of every id but the first."""
    out = []
    for position, (one, following) in enumerate(zip(ids, ids[1:])):
        out.append(log_softmax(step(one, position))[following])
    return out


# --- families: each returns config, tensors and step ---

def gpt_neox(parallel=True, act="gelu"):
    d, n, ff, dim = 24, 3, 40, 4
    config = {"model_type": "gpt_neox", "hidden_size": d, "num_attention_heads": n, "num_hidden_layers": LAYERS,
              "intermediate_size": ff, "rotary_pct": 0.5, "rotary_emb_base": 1000, "max_position_embeddings": 64,
              "layer_norm_eps": 1e-5, "hidden_act": act, "use_parallel_residual": parallel, "vocab_size": VOCAB,
              "tie_word_embeddings": False}
    m = Maker(1 + parallel)
    m.add("gpt_neox.embed_in.weight", VOCAB, d)
    m.linear("embed_out", VOCAB, d, False)
    m.norm("gpt_neox.final_layer_norm", d, True)
    for i in range(LAYERS):
        p = "gpt_neox.layers.%d." % i
        m.norm(p + "input_layernorm", d, True)
        m.norm(p + "post_attention_layernorm", d, True)
        m.linear(p + "attention.query_key_value", 3 * d, d, True)
        m.linear(p + "attention.dense", d, d, True)
        m.linear(p + "mlp.dense_h_to_4h", ff, d, True)
        m.linear(p + "mlp.dense_4h_to_h", d, ff, True)
        m.add(p + "attention.bias", 1, 1, 4, 4)
    w, freqs = Weights(m.tensors), frequencies(dim, 1000)
    layers = [Attention() for _ in range(LAYERS)]
    f = gelu if act == "gelu" else gelu_tanh

    def mlp(p, x):
        return w.linear(p + "mlp.dense_4h_to_h", [f(v) for v in w.linear(p + "mlp.dense_h_to_4h", x)])

    def step(token, position):
        x = w.row("gpt_neox.embed_in.weight", token)
        for i, layer in enumerate(layers):
            p = "gpt_neox.layers.%d." % i
            fused = heads_of(w.linear(p + "attention.query_key_value", w.layer_norm(p + "input_layernorm", x, 1e-5)), n)
            q, k, v = ([h[j * (d // n):(j + 1) * (d // n)] for h in fused] for j in range(3))
            q, k = ([rope_halves(h, position, freqs) for h in y] for y in (q, k))
            a = w.linear(p + "attention.dense", layer.step(q, k, v, 1 / math.sqrt(d // n)))
            if parallel:
                x = add(x, a, mlp(p, w.layer_norm(p + "post_attention_layernorm", x, 1e-5)))
            else:
                x = add(x, a)
                x = add(x, mlp(p, w.layer_norm(p + "post_attention_layernorm", x, 1e-5)))
        return w.linear("embed_out", w.layer_norm("gpt_neox.final_layer_norm", x, 1e-5))

    return config, m.tensors, step


def gptj():
    d, n, dim = 24, 2, 8
    config = {"model_type": "gptj", "n_embd": d, "n_head": n, "n_layer": LAYERS, "n_positions": 64, "rotary_dim": dim,
              "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "vocab_size": VOCAB}
    m = Maker(3)
    m.add("transformer.wte.weight", VOCAB, d)
    m.linear("lm_head", VOCAB, d, True)
    m.norm("transformer.ln_f", d, True)
    for i in range(LAYERS):
        p = "transformer.h.%d." % i
        m.norm(p + "ln_1", d, True)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            m.linear(p + "attn." + name, d, d, False)
        m.linear(p + "mlp.fc_in", 4 * d, d, True)
        m.linear(p + "mlp.fc_out", d, 4 * d, True)
    w, freqs = Weights(m.tensors), frequencies(dim, 10000)
    layers = [Attention() for _ in range(LAYERS)]

    def step(token, position):
        x = w.row("transformer.wte.weight", token)
        for i, layer in enumerate(layers):
            p = "transformer.h.%d." % i
            y = w.layer_norm(p + "ln_1", x, 1e-5)
            q, k, v = (heads_of(w.linear(p + "attn." + name, y), n) for name in ("q_proj", "k_proj", "v_proj"))
            q, k = ([rope_pairs(h, position, freqs) for h in z] for z in (q, k))
            a = w.linear(p + "attn.out_proj", layer.step(q, k, v, 1 / math.sqrt(d // n)))
            x = add(x, a, w.linear(p + "mlp.fc_out", [gelu_tanh(u) for u in w.linear(p + "mlp.fc_in", y)]))
        return w.linear("lm_head", w.layer_norm("transformer.ln_f", x, 1e-5))

    return config, m.tensors, step


def falcon(kind):
    """kind: "7b" (one key head, one norm), "40b" (grouped, two norms), "11b" (grouped, one norm), "serial", "rw" (serial,
    with ALiBi, which is added before the scores are scaled)."""
    d, n = 32, 4
    head = d // n
    kv = {"7b": 1, "40b": 2, "11b": 2, "serial": 4, "rw": 4}[kind]
    grouped, serial = kind in ("40b", "11b"), kind in ("serial", "rw")
    config = {"model_type": "falcon", "hidden_size": d, "num_attention_heads": n, "num_hidden_layers": LAYERS,
              "layer_norm_epsilon": 1e-5, "vocab_size": VOCAB, "new_decoder_architecture": grouped, "num_kv_heads": kv,
              "multi_query": kind == "7b", "parallel_attn": not serial, "bias": serial, "alibi": kind == "rw",
              "max_position_embeddings": 64, "rope_theta": 10000.0}
    if kind == "11b":
        config["num_ln_in_parallel_attn"] = 1
    m = Maker(len(kind) + kv)
    m.add("transformer.word_embeddings.weight", VOCAB, d)
    m.norm("transformer.ln_f", d, True)
    for i in range(LAYERS):
        p = "transformer.h.%d." % i
        if kind == "40b":
            m.norm(p + "ln_attn", d, True)
            m.norm(p + "ln_mlp", d, True)
        else:
            m.norm(p + "input_layernorm", d, True)
        if serial:
            m.norm(p + "post_attention_layernorm", d, True)
        m.linear(p + "self_attention.query_key_value", (n + 2 * kv) * head, d, serial)
        m.linear(p + "self_attention.dense", d, d, serial)
        m.linear(p + "mlp.dense_h_to_4h", 4 * d, d, serial)
        m.linear(p + "mlp.dense_4h_to_h", d, 4 * d, serial)
    w, freqs = Weights(m.tensors), frequencies(head, 10000)
    layers = [Attention() for _ in range(LAYERS)]
    slopes = [s / math.sqrt(head) for s in alibi_slopes(n, 8)] if kind == "rw" else None

    def split(fused):
        rows = heads_of(fused, n + 2 * kv)
        each = n // kv
        if kind == "7b":
            return rows[:n], rows[n:n + 1], rows[n + 1:]
        groups = [rows[g * (each + 2):(g + 1) * (each + 2)] for g in range(kv)]
        return [h for g in groups for h in g[:each]], [g[each] for g in groups], [g[each + 1] for g in groups]

    def step(token, position):
        x = w.row("transformer.word_embeddings.weight", token)
        for i, layer in enumerate(layers):
            p = "transformer.h.%d." % i
            y = w.layer_norm(p + ("ln_attn" if kind == "40b" else "input_layernorm"), x, 1e-5)
            q, k, v = split(w.linear(p + "self_attention.query_key_value", y))
            if kind != "rw":
                q, k = ([rope_halves(h, position, freqs) for h in z] for z in (q, k))
            a = w.linear(p + "self_attention.dense", layer.step(q, k, v, 1 / math.sqrt(head), slopes=slopes))
            if kind == "40b":
                y = w.layer_norm(p + "ln_mlp", x, 1e-5)
            if serial:
                x = add(x, a)
                y = w.layer_norm(p + "post_attention_layernorm", x, 1e-5)
            u = w.linear(p + "mlp.dense_4h_to_h", [gelu(t) for t in w.linear(p + "mlp.dense_h_to_4h", y)])
            x = add(x, u) if serial else add(x, a, u)
        x = w.layer_norm("transformer.ln_f", x, 1e-5)
        return [sum(map(float.__mul__, w.row("transformer.word_embeddings.weight", t), x)) for t in range(VOCAB)]

    return config, m.tensors, step


def alibi_slopes(n, largest):
    """As published: for a number of heads that is no power of two, every other one of the next power's."""
    power = 2 ** math.ceil(math.log2(n))
    slopes = [2.0 ** (-largest * (i + 1) / power) for i in range(power)]
    return slopes if power == n else (slopes[1::2] + slopes[::2])[:n]


def mpt(n=4, clip=None):
    d = 24
    config = {"model_type": "mpt", "d_model": d, "n_heads": n, "n_layers": LAYERS, "expansion_ratio": 4,
              "max_seq_len": 64, "vocab_size": VOCAB, "layer_norm_epsilon": 1e-5, "no_bias": True, "logit_scale": None,
              "attn_config": {"alibi": True, "alibi_bias_max": 8, "clip_qkv": clip, "softmax_scale": None,
                              "qk_ln": False, "prefix_lm": False, "attn_type": "multihead_attention"}}
    m = Maker(n)
    m.add("transformer.wte.weight", VOCAB, d)
    m.norm("transformer.norm_f", d, False)
    for i in range(LAYERS):
        p = "transformer.blocks.%d." % i
        m.norm(p + "norm_1", d, False)
        m.norm(p + "norm_2", d, False)
        m.linear(p + "attn.Wqkv", 3 * d, d, False)
        m.linear(p + "attn.out_proj", d, d, False)
        m.linear(p + "ffn.up_proj", 4 * d, d, False)
        m.linear(p + "ffn.down_proj", d, 4 * d, False)
    w, slopes = Weights(m.tensors), alibi_slopes(n, 8)
    layers = [Attention() for _ in range(LAYERS)]

    def step(token, _):
        x = w.row("transformer.wte.weight", token)
        for i, layer in enumerate(layers):
            p = "transformer.blocks.%d." % i
            fused = w.linear(p + "attn.Wqkv", w.layer_norm(p + "norm_1", x, 1e-5))
            if clip:
                fused = [max(-clip, min(clip, v)) for v in fused]
            q, k, v = (heads_of(fused[j * d:(j + 1) * d], n) for j in range(3))
            a = layer.step(q, k, v, 1 / math.sqrt(d // n), slopes=slopes)
            x = add(x, w.linear(p + "attn.out_proj", a))
            y = [gelu(t) for t in w.linear(p + "ffn.up_proj", w.layer_norm(p + "norm_2", x, 1e-5))]
            x = add(x, w.linear(p + "ffn.down_proj", y))
        x = w.layer_norm("transformer.norm_f", x, 1e-5)
        return [sum(map(float.__mul__, w.row("transformer.wte.weight", t), x)) for t in range(VOCAB)]

    return config, m.tensors, step


def phi():
    d, n, ff, dim = 24, 3, 40, 4
    config = {"model_type": "phi", "hidden_size": d, "num_attention_heads": n, "num_hidden_layers": LAYERS,
              "intermediate_size": ff, "partial_rotary_factor": 0.5, "rope_theta": 10000.0, "hidden_act": "gelu_new",
              "max_position_embeddings": 64, "layer_norm_eps": 1e-5, "vocab_size": VOCAB, "tie_word_embeddings": False}
    m = Maker(9)
    m.add("model.embed_tokens.weight", VOCAB, d)
    m.linear("lm_head", VOCAB, d, True)
    m.norm("model.final_layernorm", d, True)
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        m.norm(p + "input_layernorm", d, True)
        for name in ("q_proj", "k_proj", "v_proj", "dense"):
            m.linear(p + "self_attn." + name, d, d, True)
        m.linear(p + "mlp.fc1", ff, d, True)
        m.linear(p + "mlp.fc2", d, ff, True)
    w, freqs = Weights(m.tensors), frequencies(dim, 10000)
    layers = [Attention() for _ in range(LAYERS)]

    def step(token, position):
        x = w.row("model.embed_tokens.weight", token)
        for i, layer in enumerate(layers):
            p = "model.layers.%d." % i
            y = w.layer_norm(p + "input_layernorm", x, 1e-5)
            q, k, v = (heads_of(w.linear(p + "self_attn." + name, y), n) for name in ("q_proj", "k_proj", "v_proj"))
            q, k = ([rope_halves(h, position, freqs) for h in z] for z in (q, k))
            a = w.linear(p + "self_attn.dense", layer.step(q, k, v, 1 / math.sqrt(d // n)))
            x = add(x, a, w.linear(p + "mlp.fc2", [gelu_tanh(u) for u in w.linear(p + "mlp.fc1", y)]))
        return w.linear("lm_head", w.layer_norm("model.final_layernorm", x, 1e-5))

    return config, m.tensors, step


def yarn(dim, theta, factor, original, fast=32, slow=1):
    def pair(turns):
        return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low, high = max(math.floor(pair(fast)), 0), min(math.ceil(pair(slow)), dim - 1)
    if low == high:
        high += 0.001
    ramp = [min(max((i - low) / (high - low), 0), 1) for i in range(dim // 2)]
    return [f / factor * r + f * (1 - r) for f, r in zip(frequencies(dim, theta), ramp)], 0.1 * math.log(factor) + 1


def llama(family="llama", more=None, windows=(0,) * LAYERS, freqs=None, gain=1.0, bias=False, qk_norm=False):
    d, n, kv, ff = 32, 4, 2, 40
    head = d // n
    config = {"model_type": family, "hidden_size": d, "num_attention_heads": n, "num_key_value_heads": kv, "head_dim": head,
              "num_hidden_layers": LAYERS, "intermediate_size": ff, "rms_norm_eps": 1e-5, "hidden_act": "silu",
              "rope_theta": 100.0, "max_position_embeddings": 64, "vocab_size": VOCAB, "tie_word_embeddings": False}
    config.update(more or {})
    m = Maker(sum(map(ord, family)))
    m.add("model.embed_tokens.weight", VOCAB, d)
    m.linear("lm_head", VOCAB, d, False)
    m.norm("model.norm", d, False)
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        m.norm(p + "input_layernorm", d, False)
        m.norm(p + "post_attention_layernorm", d, False)
        m.linear(p + "self_attn.q_proj", n * head, d, bias)
        m.linear(p + "self_attn.k_proj", kv * head, d, bias)
        m.linear(p + "self_attn.v_proj", kv * head, d, bias)
        m.linear(p + "self_attn.o_proj", d, n * head, bias and family == "llama")
        if qk_norm:
            m.norm(p + "self_attn.q_norm", head, False)
            m.norm(p + "self_attn.k_norm", head, False)
        m.linear(p + "mlp.gate_proj", ff, d, False)
        m.linear(p + "mlp.up_proj", ff, d, False)
        m.linear(p + "mlp.down_proj", d, ff, False)
    w, freqs = Weights(m.tensors), freqs or frequencies(head, 100)
    layers = [Attention() for _ in range(LAYERS)]

    def step(token, position):
        x = w.row("model.embed_tokens.weight", token)
        for i, layer in enumerate(layers):
            p = "model.layers.%d." % i
            y = w.rms_norm(p + "input_layernorm", x, 1e-5)
            q, k, v = (heads_of(w.linear(p + "self_attn.%s_proj" % z, y), h) for z, h in (("q", n), ("k", kv), ("v", kv)))
            if qk_norm:
                q, k = ([w.rms_norm(p + "self_attn.%s_norm" % z, h, 1e-5) for h in t] for z, t in (("q", q), ("k", k)))
            q, k = ([rope_halves(h, position, freqs, gain) for h in t] for t in (q, k))
            x = add(x, w.linear(p + "self_attn.o_proj", layer.step(q, k, v, 1 / math.sqrt(head), windows[i])))
            y = w.rms_norm(p + "post_attention_layernorm", x, 1e-5)
            y = [silu(g) * u for g, u in zip(w.linear(p + "mlp.gate_proj", y), w.linear(p + "mlp.up_proj", y))]
            x = add(x, w.linear(p + "mlp.down_proj", y))
        return w.linear("lm_head", w.rms_norm("model.norm", x, 1e-5))

    return config, m.tensors, step


def all_models():
    """name, model; a model is made when it is asked for."""
    def scaled(kind, **more):
        return {"rope_scaling": dict({"rope_type": kind}, **more)}

    stretched, gain = yarn(8, 100.0, 4.0, 16)
    slow = [f / 4 for f in frequencies(8, 100)]
    yield "gpt_neox", lambda: gpt_neox()
    yield "gpt_neox serial", lambda: gpt_neox(parallel=False, act="gelu_fast")
    yield "gptj", gptj
    for kind in ("7b", "40b", "11b", "serial", "rw"):
        yield "falcon " + kind, lambda kind=kind: falcon(kind)
    yield "mpt", lambda: mpt()
    yield "mpt 6 heads, clipped", lambda: mpt(6, 0.8)
    yield "phi", phi
    yield "llama bias", lambda: llama(bias=True)
    yield "llama linear", lambda: llama(more=scaled("linear", factor=4.0), freqs=slow)
    yield "llama dynamic", lambda: llama(more=scaled("dynamic", factor=4.0))
    yield "llama yarn", lambda: llama(more=scaled("yarn", factor=4.0, original_max_position_embeddings=16), freqs=stretched,
                                      gain=gain)
    yield "mistral", lambda: llama("mistral", {"sliding_window": 5}, (5, 5))
    yield "qwen2", lambda: llama("qwen2", {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
                                 (0, 4), bias=True)
    yield "qwen3", lambda: llama("qwen3", {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 9,
                                           "layer_types": ["sliding_attention", "full_attention"]}, (6, 0), qk_norm=True)
