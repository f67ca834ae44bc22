#!/usr/bin/env python3
"""Writes a DiscordChatExporter JSON file of any length: make_export.py MESSAGES FILE

Same shape and size as a real export (about 700 bytes a message, pretty-printed), every seventh message a reply, some
with mentions, emoji, line breaks and edits. The same arguments give the same bytes.
"""
import random
import sys
from datetime import datetime, timedelta

WORDS = """the soup is on fire again and nobody told me why does this keep happening ok fine i will look at it after lunch
maybe tomorrow honestly who knows what even is a radiator valve we should go to the lake before it gets cold bring bread
train late left right door key bike wheel garden rain snow cat plant pot lid spoon bowl table chair lamp window""".split()
PEOPLE = [("150015733736079394", "nadia.v", "Nadia V", False), ("150015534447919104", "ultijohn", "Ulti / John", False),
          ("150015634091999249", "mothlight_", "mothlight", False), ("150015833380159539", "soupbot", "soupbot", True)]

USER = """{
        "id": "%s",
        "name": "%s",
        "discriminator": "0000",
        "nickname": "%s",
        "color": null,
        "isBot": %s,
        "roles": [],
        "avatarUrl": "https://cdn.discordapp.com/embed/avatars/0.png"
      }"""


def content(rng, i):
    text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 22)))
    if i % 11 == 0:
        text += " \\uD83D\\uDE42"
    if i % 23 == 0:
        text += "\\nand another line"
    if i % 17 == 0:
        text += " <@%s>" % rng.choice(PEOPLE)[0]
    return text


def main():
    count, path = int(sys.argv[1]), sys.argv[2]
    rng = random.Random(1)
    time = datetime(2019, 1, 1)
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write('{\n  "guild": {\n    "id": "690000000000000001",\n    "name": "Harbour Kitchen",\n    "iconUrl": ""\n  },\n'
                '  "channel": {\n    "id": "700000000000000001",\n    "type": "GuildTextChat",\n    "name": "general"\n  },\n'
                '  "messages": [')
        for i in range(count):
            time += timedelta(seconds=rng.choice((3, 9, 40, 300, 9000)))
            who = PEOPLE[rng.choice((0, 0, 1, 1, 1, 2, 2, 3))]
            reply = i > 10 and i % 7 == 0
            user = USER % (who[0], who[1], who[2], "true" if who[3] else "false")
            mentions = "[\n        %s\n      ]" % (USER % (PEOPLE[0][:3] + ("false",))) if i % 17 == 0 else "[]"
            f.write('%s\n    {\n      "id": "%d",\n      "type": "%s",\n      "timestamp": "%s.123+00:00",\n'
                    '      "timestampEdited": null,\n      "callEndedTimestamp": null,\n      "isPinned": false,\n'
                    '      "content": "%s",\n      "author": %s,\n      "attachments": [],\n      "embeds": [],\n'
                    '      "stickers": [],\n      "reactions": [],\n      "mentions": %s,%s\n      "inlineEmojis": []\n    }'
                    % ("," if i else "", 1573308394897408000 + i * 4194304, "Reply" if reply else "Default",
                       time.isoformat(), content(rng, i), user, mentions,
                       '\n      "reference": {\n        "messageId": "%d",\n        "channelId": "700000000000000001",\n'
                       '        "guildId": "690000000000000001"\n      },'
                       % (1573308394897408000 + (i - rng.randint(1, 9)) * 4194304) if reply else ""))
        f.write('\n  ],\n  "messageCount": %d\n}\n' % count)


main()
