#!/usr/bin/env python3
"""What doppel learns from a text in a given time: the held-out loss of its last tenth, which takes no part in training.

usage: shakespeare.py DOPPEL TEXT char MINUTES [OPTION...]     a character model from scratch
       shakespeare.py DOPPEL TEXT lora STEPS MODEL [OPTION...]  an adapter, with the losses on the way

TEXT is any text; published figures are for the plays of Shakespeare in one file of 1.1 MB ("tinyshakespeare"). OPTIONs
go to `doppel train`. How many steps fit into MINUTES is measured first. At the end `doppel score` reads the whole last
tenth."""
import json
import os
import subprocess
import sys
import tempfile
import time

# 10 minutes and an hour of two cores: a longer training can use a larger model.
CHAR_SHAPES = [(30, dict(layers=4, heads=4, embed=128, block=128, batch=8, lr=2e-3, dropout=0)),
               (1e9, dict(layers=6, heads=6, embed=192, block=128, batch=32, lr=2e-3, dropout=0.1))]
SHARE_FOR_LOOKING = 0.06  # of the time goes into evaluations


def fail(message):
    sys.exit("shakespeare.py: " + message)


def train(doppel, out, options):
    """The events of a training, each with the seconds since its start."""
    begun = time.monotonic()
    command = [doppel, "train", "--json", "-q", "-o", out, "--val-fraction", "0.1"] + options
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield time.monotonic() - begun, json.loads(line)
    if process.returncode != 0:
        fail("doppel train ended with %d" % process.returncode)


def show(seconds, event):
    if event["type"] == "eval":
        print("%7.0f s  step %6d  held out %.4f nats/token, %s nats/char" %
              (seconds, event["step"], event["loss"], event["nll_char"]), flush=True)
    elif event["type"] == "plan":
        print("%d parameters learn, %d steps, %s products" %
              (event["trained"], event["steps"], event["products"]), flush=True)
    elif event["type"] == "done":
        print("%7.0f s  done after step %d, best %d (%s)" % (seconds, event["step"], event["best_step"], event["reason"]))


def score(doppel, text, model):
    """Mean loss of the last tenth, in nats per token and per character."""
    with tempfile.NamedTemporaryFile("wb") as held_out:
        data = open(text, "rb").read()
        held_out.write(data[len(data) * 9 // 10:])
        held_out.flush()
        result = subprocess.run([doppel, "score", "--json"] + model + [held_out.name], stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        fail("doppel score ended with %d" % result.returncode)
    line = json.loads(result.stdout)
    print("last tenth of the text: %.4f nats/token, %.4f nats/char" % (line["nll"], line["nll_char"]))


def char(doppel, text, minutes, extra):
    shape = next(shape for limit, shape in CHAR_SHAPES if minutes < limit)
    options = ["--data", text, "--method", "scratch", "--tokenizer", "char", "--sample-every", "0", "--patience", "0",
               "--layers", str(shape["layers"]), "--heads", str(shape["heads"]), "--embed", str(shape["embed"]),
               "--block-size", str(shape["block"]), "--batch-size", str(shape["batch"]), "--lr", str(shape["lr"]),
               "--dropout", str(shape["dropout"])] + extra
    with tempfile.TemporaryDirectory() as folder:
        probe = os.path.join(folder, "probe")
        speeds = sorted(e["tok_s"] for _, e in train(doppel, probe, options + ["--max-steps", "60"]) if e["type"] == "step")
        speed = speeds[len(speeds) // 2]
        steps = int(minutes * 60 * (1 - SHARE_FOR_LOOKING) * speed / (shape["block"] * shape["batch"]))
        print("%.0f tokens/s: %d steps" % (speed, steps))
        out = os.path.join(folder, "model")
        for seconds, event in train(doppel, out, options + ["--max-steps", str(steps), "--eval-every", str(max(steps // 12, 1))]):
            show(seconds, event)
        score(doppel, text, ["-m", out])
        sample = subprocess.run([doppel, "run", "-q", "-m", out, "--seed", "1", "--max-tokens", "300", "\n"],
                                stdout=subprocess.PIPE, text=True)
        print(sample.stdout)


def lora(doppel, text, steps, model, extra):
    options = ["-m", model, "--data", text, "--lr", "5e-4", "--max-steps", steps, "--eval-every", "50",
               "--sample-every", "0", "--patience", "0"] + extra
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "adapter")
        for seconds, event in train(doppel, out, options):
            show(seconds, event)
        score(doppel, text, ["-m", model, "-a", out])


def main(argv):
    if len(argv) > 4 and argv[3] == "char":
        char(argv[1], argv[2], float(argv[4]), argv[5:])
    elif len(argv) > 5 and argv[3] == "lora":
        lora(argv[1], argv[2], argv[4], argv[5], argv[6:])
    else:
        fail(__doc__)


main(sys.argv)
