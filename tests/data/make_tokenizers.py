#!/usr/bin/env python3
"""Small tokenizers with reference ids, for tests/unit/test_tokenizer_json.c and test_spm.c.

make_tokenizers.py writes tokenizers.json beside itself: {"json": [...], "sentencepiece": [...]}, each entry a name, the
tokenizer (a tokenizer.json as an object, or a tokenizer.model in base64) and cases [text, ids, decoded]. It needs the
Python packages tokenizers and sentencepiece, whose results are the reference; the tests need only the file.
"""
import base64
import json
import os
import random
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders as D
from tokenizers import models as M
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P
from tokenizers import processors as R
from tokenizers import trainers

TEXTS = [
    "", " ", "a", "the cat and the dog", "  two  spaces ", "don't I'M we'll", "x1 = 12 + 345;", "3.14 \u00bd \u2167", "tab\tnew\n\nline \n",
    "na\u00efve caf\u00e9 e\u0301", "\u00c5ngstr\u00f6m \u0130 \u03a3\u03c2", "\ufb01 \uff21 \u2460", "\u4f60\u597d the \u4e16\u754c",
    "\U0001f600 \u2764\ufe0f\u200d\U0001f525", "a\u00a0b\u3000c\u2003d", "\u2581mark\u2581", "soft\u00adhyphen \u200b zero", "c\x01d\x7fe\x0bf",
    "<b>the<b>", "a <mask> cat", "  <mask>  ", "word swordfish word.", "the</s>  cat", "<\u00e9>E\u0301", "it's (very) [odd], isn't it?!",
    "aaaaaaaaaa", "\u05e9\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947",
]
random.seed(5)
WORDS = "the cat and a dog sat on mat while it's raining very hard in town so they went home".split()
TRAIN = TEXTS + [" ".join(random.choice(WORDS) for _ in range(12)) for _ in range(60)]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# Added tokens that touch: <mask> takes the white space behind it, in which "  gap" begins.
TOUCHING = ["<mask>  gap", "a <mask> <mask>  gap  x", "<mask>\t \tgap", "<mask>   gap\n<mask>", "wordy swordy wordy.", "swordy", "12wordy"]


def entry(name, t, decode=True, texts=TEXTS):
    cases = []
    for text in texts:
        ids = t.encode(text).ids
        cases.append([text, ids] + ([t.decode(ids, skip_special_tokens=False)] if decode else []))
    return {"name": name, "tokenizer": json.loads(t.to_str()), "cases": cases}


def words(name, pre):
    """Ids show where the pre-tokenizer cuts."""
    t = Tokenizer(M.WordLevel(unk_token="?"))
    t.pre_tokenizer = pre
    t.train_from_iterator(TEXTS, trainers.WordLevelTrainer(special_tokens=["?"], show_progress=False))
    return entry("words " + name, t)


def byte_level(name, normalizer=None, pre=None, added=(), special=(), post=None, texts=TEXTS, **model):
    t = Tokenizer(M.BPE(**model))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre or P.ByteLevel(add_prefix_space=False)
    t.decoder = D.ByteLevel()
    t.train_from_iterator(TRAIN, trainers.BpeTrainer(vocab_size=300, initial_alphabet=P.ByteLevel.alphabet(),
                                                     special_tokens=["<s>", "</s>"], show_progress=False))
    t.add_tokens(list(added))
    t.add_special_tokens(list(special))
    if post:
        t.post_processor = post
    # Added tokens outside ASCII decode to their text here, and to half of their bytes there.
    return entry("bytes " + name, t, decode=not added, texts=texts)


def characters(name, normalizer, pre, decoder):
    t = Tokenizer(M.BPE(unk_token="<unk>"))
    t.pre_tokenizer = P.Metaspace()
    bytes_ = ["<0x%02X>" % i for i in range(256)]
    t.train_from_iterator(TRAIN, trainers.BpeTrainer(vocab_size=400, limit_alphabet=40, show_progress=False,
                                                     special_tokens=["<unk>", "<s>", "</s>"] + bytes_))
    model = json.loads(t.to_str())["model"]
    t = Tokenizer(M.BPE(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]], unk_token="<unk>",
                        byte_fallback=True, fuse_unk=True))
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    t.decoder = decoder
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    t.post_processor = R.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return entry("characters " + name, t)


def unigram(name, byte_fallback):
    t = Tokenizer(M.Unigram())
    t.pre_tokenizer = P.Metaspace()
    t.train_from_iterator(TRAIN, trainers.UnigramTrainer(vocab_size=120, unk_token="<unk>", show_progress=False,
                                                         special_tokens=["<unk>", "</s>"]))
    model = json.loads(t.to_str())["model"]
    vocab = [tuple(v) for v in model["vocab"]]
    if byte_fallback:
        vocab += [("<0x%02X>" % i, -20.0) for i in range(256)]
    t = Tokenizer(M.Unigram(vocab, unk_id=0, byte_fallback=byte_fallback))
    t.normalizer = N.Sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = P.Metaspace()
    t.decoder = D.Metaspace() if not byte_fallback else D.Sequence([D.ByteFallback(), D.Metaspace()])
    t.post_processor = R.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return entry("unigram " + name, t)


def wordpiece(name, **options):
    t = Tokenizer(M.WordPiece(unk_token="[UNK]"))
    t.normalizer = N.BertNormalizer(**options)
    t.pre_tokenizer = P.BertPreTokenizer()
    t.decoder = D.WordPiece()
    t.train_from_iterator(TRAIN, trainers.WordPieceTrainer(vocab_size=160, limit_alphabet=40, show_progress=False,
                                                           special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"]))
    t.post_processor = R.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return entry("wordpiece " + name, t)


def tokenizer_json():
    split = lambda pattern, **k: P.Split(Regex(pattern), **{"behavior": "isolated", **k})
    plain = P.ByteLevel(add_prefix_space=False, use_regex=False)
    added = [AddedToken("<b>", normalized=True), AddedToken("<mask>", lstrip=True, normalized=False),
             AddedToken("word", single_word=True, normalized=False), AddedToken("<\u00e9>", normalized=True)]
    yield words("Whitespace", P.Whitespace())
    yield words("WhitespaceSplit", P.WhitespaceSplit())
    yield words("Bert", P.BertPreTokenizer())
    yield words("Punctuation MergedWithPrevious", P.Punctuation("merged_with_previous"))
    yield words("Punctuation MergedWithNext", P.Punctuation("merged_with_next"))
    yield words("Punctuation Contiguous", P.Punctuation("contiguous"))
    yield words("Digits", P.Sequence([P.Digits(False), P.Punctuation("removed")]))
    yield words("CharDelimiterSplit", P.CharDelimiterSplit(" "))
    yield words("characters", split(r"[\s\S]"))
    yield words("Split inverted", P.Split(Regex("[a-z]+"), "removed", invert=True))
    yield words("Split by text", P.Split(" ", "merged_with_next"))
    yield byte_level("GPT-2", special=[AddedToken("<mask>", rstrip=True)])
    yield byte_level("Llama 3", pre=P.Sequence([split(LLAMA3), plain]))
    yield byte_level("SmolLM", pre=P.Sequence([P.Digits(True), P.ByteLevel(add_prefix_space=False)]))
    yield byte_level("Falcon", pre=P.Sequence([P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False),
                                               P.Digits(False), split("[0-9][0-9][0-9]")]))
    yield byte_level("added tokens that touch", pre=P.Sequence([split(LLAMA3), plain]), ignore_merges=True, texts=TOUCHING,
                     added=[AddedToken("<mask>", rstrip=True), AddedToken("  gap"), AddedToken("\t"),
                            AddedToken("wordy", single_word=True)])
    yield byte_level("RoBERTa", pre=P.ByteLevel(add_prefix_space=True), post=R.RobertaProcessing(("</s>", 1), ("<s>", 0)))
    yield byte_level("NFC, added tokens", N.NFC(), added=added)
    yield byte_level("NFKC, lower case, added tokens", N.Sequence([N.NFKC(), N.Lowercase()]), added=added)
    yield byte_level("accents off", N.Sequence([N.NFD(), N.StripAccents(), N.Strip()]), added=added)
    yield byte_level("prepended, replaced", N.Sequence([N.Prepend("_"), N.Replace("a", "bb"), N.Replace(Regex(r"\s+"), " ")]))
    yield characters("Llama 2", N.Sequence([N.Prepend("\u2581"), N.Replace(" ", "\u2581")]), None,
                     D.Sequence([D.Replace("\u2581", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)]))
    yield characters("Mistral", None, P.Metaspace(prepend_scheme="first", split=False),
                     D.Sequence([D.Replace("\u2581", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)]))
    yield unigram("plain", False)
    yield unigram("bytes", True)
    yield wordpiece("uncased")
    yield wordpiece("cased", lowercase=False, handle_chinese_chars=False)


def sentencepiece_models(folder):
    corpus, rules = os.path.join(folder, "corpus"), os.path.join(folder, "rules")
    with open(corpus, "w", encoding="utf-8") as f:
        f.write("\n".join(t.replace("\n", " ") for t in TRAIN))
    with open(rules, "w") as f:  # sources and replacements as code points: ligature, full width, accent, tab, control
        f.write("FB01\t66 69\nFF21\t41\n65 301\tE9\n9\t20\nA\t20\n1\t\nA0\t20\n")
    for kind in "unigram", "bpe":
        for name, options in {
            "as Llama": {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "byte_fallback": True},
            "as T5": {"normalization_rule_tsv": rules},
            "no prefix": {"normalization_rule_tsv": rules, "add_dummy_prefix": False, "remove_extra_whitespaces": False},
        }.items():
            prefix = os.path.join(folder, "model")
            sentencepiece.SentencePieceTrainer.train(
                input=corpus, model_prefix=prefix, model_type=kind, vocab_size=400, character_coverage=0.98,
                hard_vocab_limit=False, minloglevel=2, **options)
            with open(prefix + ".model", "rb") as f:
                model = f.read()
            sp = sentencepiece.SentencePieceProcessor(model_proto=model)
            yield {"name": kind + " " + name, "tokenizer": base64.b64encode(model).decode(),
                   "cases": [[text, sp.encode(text)] for text in TEXTS]}


def main():
    with tempfile.TemporaryDirectory() as folder:
        data = {"json": list(tokenizer_json()), "sentencepiece": list(sentencepiece_models(folder))}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers.json")
    with open(path, "w") as f:
        f.write('{"json":[\n')
        f.write(",\n".join(json.dumps(e, separators=(",", ":")) for e in data["json"]))
        f.write('\n],"sentencepiece":[\n')
        f.write(",\n".join(json.dumps(e, separators=(",", ":")) for e in data["sentencepiece"]))
        f.write("\n]}\n")


if __name__ == "__main__":
    main()
