# A tiny model that speaks like a chat log, and an adapter that learned one of its people, for screen tests:
#
#   . "$TESTS/screen/lib.sh"
#   . "$TESTS/screen/clone.sh"      makes them: `-m base`, `-a clone`, and $scratch/talk.txt they learned from
#
# Nadia answers "well, WORD it is and so say all of us", Omar says five of the same words.

awk 'BEGIN {
    n = split("cat dog bird tree river house", words)
    seed = 7
    for (i = 0; i < 200; i++) {
        line = ""
        for (k = 0; k < 6; k++) {
            seed = (seed * 75 + 74) % 65537
            word[k] = words[1 + seed % n]
        }
        stamp = sprintf("%02d/%02d/2026, %02d:", 1 + i % 28, 1 + int(i / 28), 8 + i % 12)
        printf "%s10 - Omar: %s %s %s %s %s\n", stamp, word[0], word[1], word[2], word[3], word[4]
        printf "%s12 - Nadia: well, %s it is and so say all of us\n", stamp, word[5]
    }
}' >"$scratch/talk.txt"

"$DOPPEL" train --method scratch --data "$scratch/talk.txt" --tokenizer bpe:330 --layers 2 --heads 2 --embed 48 \
    --block-size 64 --batch-size 16 --max-steps 150 --eval-every 150 --lr 0.006 -o base -q >"$scratch/log" 2>&1 &&
    "$DOPPEL" train -m base --data "$scratch/talk.txt" --imitate Nadia --block-size 64 --max-steps 60 --lr 0.005 -o clone -q \
        >>"$scratch/log" 2>&1 || {
    sed 's/^/    | /' "$scratch/log"
    echo '0 passed, 1 failed'
    exit 1
}
