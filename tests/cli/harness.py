"""For tests written in Python: ok(), skip(), doppel() and finish(), which prints the closing line of tests/run."""
import os
import subprocess
import sys

DOPPEL = os.environ.get("DOPPEL", "build/doppel")
passed = failed = skipped = 0


def ok(condition, what):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print("FAIL", what, flush=True)


def skip(why):
    global skipped
    skipped += 1
    print("skipped:", why, flush=True)


def doppel(*args, stdin=b"", env=None, timeout=120):
    """Runs doppel; returns (exit code, stdout, stderr) with the outputs as text."""
    p = subprocess.run([DOPPEL, *map(str, args)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env=dict(os.environ, **(env or {})), timeout=timeout)
    return p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")


def one_line(err):
    """An error as it must be: one line, ours, no control characters."""
    return err.startswith("doppel: ") and err.count("\n") == 1 and not any(c < " " and c != "\n" for c in err)


def finish():
    print("%d passed, %d failed" % (passed, failed) + (", %d skipped" % skipped if skipped else ""))
    sys.exit(1 if failed else 0)
