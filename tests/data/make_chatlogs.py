#!/usr/bin/env python3
"""Small chat logs of our own invention in every format that doppel imports, each with the messages it should give.

make_chatlogs.py FOLDER [SEED [MESSAGES]] writes NAME.EXT (or a folder or zip NAME) and NAME.expected.jsonl. The same seed gives the
same bytes; other seeds give other people, dates, locales and orders. make_chatlogs.py --fuzz KIND FOLDER writes inputs
for the fuzz target of that kind: a first byte that picks the reader, and a log.
"""
import csv
import html
import io
import json
import os
import random
import sys
import zipfile
from datetime import datetime, timedelta

LRM, NNBSP, DASH = "\u200e", "\u202f", "\u2014"
NAMES = ["Orla", "bram", "T\u00fclay K.", "p\u00efp_88", "Uncle Wes", "\u306a\u304e", "x.sable", "Mo / Mina", "Jo\u00e3o", "ink-9",
         "\u0421\u0430\u0448\u0430", "Quill 7"]
TEXTS = """the ferry is late again|who took my blue ladder|ok|no. absolutely not|i left it by the shed i think: look there
can we talk about the wasps|three of them, in the bath|lol|it is 12:06 and nobody is up|see you at 5 then
that's the second one this week!!|https://example.com/a?b=1&c=2 look|caf\u00e9, na\u00efve, co\u00f6p|\u732b\u304c\u5bdd\u3066\u3044\u308b|\u0645\u0631\u062d\u0628\u0627 \u064a\u0627 \u0623\u062d\u0645\u062f
\U0001f642\U0001f469\u200d\U0001f469\u200d\U0001f467|e\u0301 o\u0308|9.5/10 would row again|(brackets) [and] {braces}|*stars* and _lines_ and `ticks`
"quoted", she said|a - b - c|@nobody in particular|50% & rising|<3 <3|why is the kettle humming|nobody knows, nobody asks
it stopped|it started again|good night then|what about 3/8|the plums are ready, come and get them|tomorrow?|maybe""".replace("\n", "|").split("|")


class Message:
    def __init__(self, who, time, text, reply=None, bot=False):
        self.who, self.time, self.text, self.reply, self.bot = who, time, text, reply, bot


MESSAGES = None  # in a chat; None: a few


class Chat:
    """A conversation: people, and messages in the order of their times; replies are indices of earlier messages."""

    def __init__(self, rng, replies=True, bots=False, multiline=True, step=None):
        self.rng = rng
        self.people = rng.sample(NAMES, rng.randint(2, 4))
        self.ids = {p: str(150000000000000000 + rng.randrange(10 ** 15)) for p in self.people}
        self.bot = self.people[-1] if bots else None
        time = datetime(2026, rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59))
        self.messages = []
        for i in range(MESSAGES or rng.randint(8, 24)):
            time += timedelta(minutes=rng.choice((0, 1, 1, 2, 7, 90, 700)) if step is None else step,
                              seconds=rng.choice((0, 7, 31)))
            text = rng.choice(TEXTS)
            if multiline and rng.random() < 0.15:
                text += "\n" + rng.choice(("", "  ")) + rng.choice(TEXTS)
            who = rng.choice(self.people)
            reply = rng.randrange(i) if replies and i and rng.random() < 0.2 else None
            self.messages.append(Message(who, time, text, reply, who == self.bot))

    def expected(self, time="%Y-%m-%dT%H:%M:%S", reply=True, **changes):
        out = []
        for m in self.messages:
            e = {"time": time and m.time.strftime(time), "author": m.who, "text": m.text,
                 "reply_to": m.reply if reply else None}
            if m.bot:
                e["bot"] = True
            e.update(changes)
            out.append(e)
        return out


def clock(t, twelve, seconds=False, space=" "):
    s = t.strftime(":%M:%S" if seconds else ":%M")
    if not twelve:
        return t.strftime("%H") + s
    return "%d%s%s%s" % (t.hour % 12 or 12, s, space, "PM" if t.hour >= 12 else "AM")


def snowflake(i):
    return str(1573308394897408000 + i * 4194304 + i)


# ---- DiscordChatExporter

def discord_json(rng):
    chat = Chat(rng, bots=rng.random() < 0.5)
    offset = rng.choice(("+00:00", "+02:00", "-05:30"))
    zone = "Z" if offset == "+00:00" else offset
    items, expected = [], []
    place = {}

    def user(p):
        nick = rng.random() < 0.6
        return {"id": chat.ids[p], "name": p if not nick else "user_" + chat.ids[p][-3:], "discriminator": "0000",
                "nickname": p if nick else "", "color": None, "isBot": p == chat.bot, "roles": [], "avatarUrl": "http://x"}

    users = {p: user(p) for p in chat.people}
    for i, m in enumerate(chat.messages):
        if rng.random() < 0.15:
            items.append(dict(id=snowflake(1000 + i), type=rng.choice(("GuildMemberJoin", "ChannelPinnedMessage", "8", "Call")),
                              timestamp=m.time.isoformat() + offset, content="Pinned a message.", author=users[m.who]))
        raw = m.text
        shown = raw
        mentions = []
        if rng.random() < 0.2:
            other = rng.choice(chat.people)
            raw, shown = raw + " <@%s%s>" % (rng.choice(("", "!")), chat.ids[other]), shown + " @" + other
            if rng.random() < 0.5:
                mentions = [users[other]]
            if not any(x.who == other for x in chat.messages):
                mentions = [users[other]]
        if rng.random() < 0.1:
            raw, shown = raw + " <a:kek:%d> <@99> <#5>" % rng.randrange(10 ** 17), shown + " :kek: @unknown #unknown"
        if rng.random() < 0.1:
            raw = "  \n" + raw + "\n"
        kind = "Reply" if m.reply is not None else rng.choice(("Default", "Default", "20"))
        item = dict(id=snowflake(i), type=kind, timestamp=m.time.isoformat() + rng.choice(("", ".1", ".1234567")) + offset,
                    timestampEdited=None, isPinned=False, content=raw, author=users[m.who], attachments=[], embeds=[],
                    stickers=[], reactions=[], mentions=mentions)
        if m.reply is not None:
            item["reference"] = {"messageId": snowflake(m.reply), "channelId": "7", "guildId": "6"}
        item["inlineEmojis"] = []
        items.append(item)
        expected.append({"time": m.time.strftime("%Y-%m-%dT%H:%M:%S") + zone, "author": m.who, "text": shown,
                         "reply_to": m.reply, **({"bot": True} if m.bot else {})})
    if rng.random() < 0.3 and items[0]["timestamp"] < items[-1]["timestamp"]:
        items.reverse()
    text = json.dumps({"guild": {"id": "6", "name": "g"}, "channel": {"id": "7", "type": "GuildTextChat", "name": "here"},
                       "dateRange": {"after": None, "before": None}, "messages": items, "messageCount": len(items)},
                      indent=2, ensure_ascii=rng.random() < 0.5)
    return "json", text.replace("\n", rng.choice(("\n", "\r\n"))), expected


def discord_csv(rng):
    chat = Chat(rng, replies=False)
    out = io.StringIO()
    out.write("AuthorID,Author,Date,Content,Attachments,Reactions\n")
    rows = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    expected = []
    old = rng.random() < 0.3
    tag = {p: rng.choice(("", "#0042")) for p in chat.people}
    for i, m in enumerate(chat.messages):
        date = "%d/%d/%d %s" % (m.time.month, m.time.day, m.time.year, clock(m.time, True)) if old \
            else m.time.strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00")
        if rng.random() < 0.2:
            rows.writerow([chat.ids[m.who], m.who + tag[m.who], date, rng.choice(
                ("Joined the server.", "", "Started a call that lasted 12 minutes.", "Added x to the group.")), "", ""])
        rows.writerow([chat.ids[m.who], m.who + tag[m.who], date, m.text, rng.choice(("", "http://x")), ""])
        expected.append({"time": m.time.strftime("%Y-%m-%dT%H:%M:00" if old else "%Y-%m-%dT%H:%M:%SZ"), "author": m.who,
                         "text": m.text, "reply_to": None})
    return "csv", out.getvalue().replace("\n", rng.choice(("\n", "\r\n"))), expected


def discord_text(rng):
    chat = Chat(rng, replies=False)
    style = rng.choice(("us", "de", "iso"))

    def date(t):
        if style == "us":
            return "%d/%d/%d %s" % (t.month, t.day, t.year, clock(t, True))
        if style == "de":
            return t.strftime("%d.%m.%Y %H:%M")
        return t.strftime("%Y-%m-%d %H:%M")

    rule = "=" * 62
    lines = [rule, "Guild: G", "Channel: C / c", "Topic: t", rule, ""]
    for m in chat.messages:
        if rng.random() < 0.15:
            lines += ["[%s] %s" % (date(m.time), m.who), rng.choice(("Joined the server.", "", "Changed the channel name: z")), "", ""]
        lines += ["[%s] %s%s%s" % (date(m.time), m.who, rng.choice(("", "#0042")), rng.choice(("", " (pinned)"))), m.text, ""]
        if rng.random() < 0.2:
            lines += [rng.choice(("{Attachments}", "{Embed}", "{Stickers}", "{Reactions}")), "https://x", ""]
        lines += [""]
    lines += [rule, "Exported %d message(s)" % len(chat.messages), rule, ""]
    return "txt", "\n".join(lines), chat.expected("%Y-%m-%dT%H:%M:00")


def discord_html(rng):
    chat = Chat(rng, bots=rng.random() < 0.5, multiline=True)
    us = rng.random() < 0.5

    def stamp(t):
        return "%d/%d/%d %s" % (t.month, t.day, t.year, clock(t, True)) if us else t.strftime("%d.%m.%Y %H:%M")

    out = ["<!DOCTYPE html><html lang=en><head><title>t</title><meta charset=utf-8><style>a{}</style><body><div class=chatlog>\n"]
    last = None
    for i, m in enumerate(chat.messages):
        same = last and last.who == m.who and m.reply is None and m.time - last.time < timedelta(minutes=8)
        if not same:
            out.append("%s<div class=chatlog__message-group>" % ("</div>\n" if last else ""))
        out.append("<div id=chatlog__message-container-%s class=chatlog__message-container data-message-id=%s><div class=chatlog__message>"
                   % (snowflake(i), snowflake(i)))
        if same:
            out.append("<div class=chatlog__message-aside><div class=chatlog__short-timestamp title=x>%s</div></div>" % clock(m.time, us))
        out.append("<div class=chatlog__message-primary>")
        if m.reply is not None:
            out.append("<div class=chatlog__reply><div class=chatlog__reply-author title=x>y</div><div class=chatlog__reply-content>"
                       "<span class=chatlog__reply-link onclick=\"scrollToMessage(event,'%s')\">the old text</span></div></div>"
                       % snowflake(m.reply))
        if not same:
            out.append("<div class=chatlog__header><span class=chatlog__author title=x data-user-id=1>%s</span>%s "
                       "<span class=chatlog__timestamp title=x><a href=#x>%s</a></span></div>"
                       % (html.escape(m.who), " <span class=chatlog__author-tag>BOT</span>" if m.bot else "", stamp(m.time)))
        text = html.escape(m.text, quote=True).replace("&#x27;", "&#39;")
        out.append("<div class=\"chatlog__content chatlog__markdown\"><span class=chatlog__markdown-preserve>%s</span></div>" % text)
        if rng.random() < 0.2:
            out.append("<div class=chatlog__embed><span class=chatlog__markdown-preserve>not typed</span></div>")
        out.append("</div></div></div>")
        last = m
    out.append("</div>\n</div><div class=postamble><div class=postamble__entry>Exported %d message(s)</div></div>" % len(chat.messages))
    # With a 24-hour clock and dots the exporter's locale has the day first; both are told by the rules.
    return "html", "".join(out), chat.expected("%Y-%m-%dT%H:%M:00")


# ---- Discord's own

def discord_package(rng):
    files, expected = {}, []
    owner, upper = rng.choice(NAMES), rng.random() < 0.5
    top, account = ("Messages", "Account") if upper else ("messages", "account")
    user = {"id": "42", "username": owner if rng.random() < 0.5 else "u", "global_name": owner}
    if user["username"] == owner and rng.random() < 0.5:
        user["global_name"] = None
    files[account + "/user.json"] = json.dumps(user)
    channels = sorted(rng.sample(range(9 * 10 ** 16, 11 * 10 ** 17), 3))
    index = {}
    for k, channel in enumerate(channels):
        chat = Chat(rng, replies=False)
        index[str(channel)] = rng.choice((None, "chan%d in Server" % k))
        rows = []
        for i, m in enumerate(chat.messages):
            rows.append((channel + i + 1, m.time, m.text))
            expected.append((channel, m))
        rows.reverse()
        name = "%s/c%d/messages." % (top, channel)
        files["%s/c%d/channel.json" % (top, channel)] = json.dumps({"id": str(channel), "type": "DM"})
        if rng.random() < 0.5:
            files[name + "json"] = json.dumps([{"ID": i, "Timestamp": str(t), "Contents": c, "Attachments": ""} for i, t, c in rows])
        else:
            out = io.StringIO()
            w = csv.writer(out, lineterminator="\n")
            w.writerow(["ID", "Timestamp", "Contents", "Attachments"])
            for i, t, c in rows:
                w.writerow([i, t.strftime("%Y-%m-%d %H:%M:%S.123000+00:00"), c, ""])
            files[name + "csv"] = out.getvalue()
    files[top + "/index.json"] = json.dumps(index)
    files["README.txt"] = "x"
    is_csv = {c: "%s/c%d/messages.csv" % (top, c) in files for c in channels}
    return files, [{"time": m.time.strftime("%Y-%m-%dT%H:%M:%S") + ("Z" if is_csv[c] else ""), "author": owner, "text": m.text,
                    "reply_to": None} for c, m in expected]


def discord_paste(rng):
    chat = Chat(rng, replies=False, multiline=False)
    look = rng.choice(("joined", "dashed", "tall", "compact"))
    known = rng.random() < 0.6  # a divider tells the day
    lines, expected, day = [], [], None
    for m in chat.messages:
        if known and m.time.date() != day:
            day = m.time.date()
            lines.append(m.time.strftime("%B ") + "%d, %d" % (day.day, day.year))
        us = "%d/%d/%d %s" % (m.time.month, m.time.day, m.time.year, clock(m.time, True))
        time = m.time.strftime("%Y-%m-%dT%H:%M:00")
        if look == "joined":
            lines.append("%s%s at %s" % (m.who, rng.choice(("Today", "Yesterday")), clock(m.time, True)))
        elif look == "dashed":
            lines.append("%s%s %s %s" % (m.who, rng.choice(("", " Role icon, Gardener")), DASH, us))
        elif look == "tall":
            lines += [m.who, rng.choice(("TAG1", "OP")), " %s %s" % (DASH, us)]
        text = m.text
        if look == "compact":
            lines.append("[%s]%s: %s" % (clock(m.time, True), m.who, text))
        else:
            lines.append(text + rng.choice(("", "", " (edited)")))
            if rng.random() < 0.1:
                lines += rng.choice((["Image"], ["a b.txt", "11 KB"], [""]))
        if look in ("joined", "compact") and not known:
            time = None
        expected.append({"time": time, "author": m.who, "text": text, "reply_to": None})
        if look != "compact" and rng.random() < 0.15:
            lines.append("and one more line")
            expected.append({"time": time, "author": m.who, "text": "and one more line", "reply_to": None})
    return "txt", "\n".join(lines) + "\n", expected


# ---- others

def whatsapp(rng):
    chat = Chat(rng, replies=False)
    ios = rng.random() < 0.5
    twelve, order, mark = rng.choice(((False, "dmy", "/"), (True, "mdy", "/"), (False, "dmy", "."), (False, "ymd", "-")))
    year = rng.random() < 0.5 or order == "ymd"
    space = rng.choice((" ", NNBSP)) if ios else " "

    def date(t):
        parts = {"d": "%d" % t.day, "m": "%d" % t.month, "y": str(t.year) if year else "%02d" % (t.year % 100)}
        if mark == "." or not twelve:
            parts["d"], parts["m"] = "%02d" % t.day, "%02d" % t.month
        return mark.join(parts[c] for c in order)

    def stamp(t):
        return "[%s, %s] " % (date(t), clock(t, twelve, True, space)) if ios else "%s, %s - " % (date(t), clock(t, twelve))

    lines = [(LRM if ios else "") + stamp(chat.messages[0].time) + ("Group: " + LRM if ios else "") + "Messages are encrypted."]
    expected = []
    for m in chat.messages:
        if rng.random() < 0.2:
            lines.append(stamp(m.time) + m.who + ": " + (LRM + "image omitted" if ios else rng.choice(
                ("<Media omitted>", "This message was deleted"))))
        edited = rng.random() < 0.1
        lines.append(stamp(m.time) + m.who + ": " + m.text + ((LRM if ios else "") + " <This message was edited>" if edited and not ios
                     else " " + LRM + "<This message was edited>" if edited else ""))
        expected.append({"time": m.time.strftime("%Y-%m-%dT%H:%M:%S" if ios else "%Y-%m-%dT%H:%M:00"), "author": m.who,
                         "text": m.text, "reply_to": None})
    return "txt", "\n".join(lines) + "\n", expected


def telegram_chat(chat, rng, first):
    items = []
    for i, m in enumerate(chat.messages):
        text = m.text
        if rng.random() < 0.3:
            cut = rng.randrange(len(text))
            text = [text[:cut], {"type": rng.choice(("bold", "link", "spoiler")), "text": text[cut:]}]
        item = {"id": first + i, "type": "message", "date": m.time.isoformat(), "from": m.who, "from_id": "user1", "text": text}
        if m.reply is not None:
            item["reply_to_message_id"] = first + m.reply
        items.append(item)
        if rng.random() < 0.2:
            items.append({"id": first + 5000 + i, "type": "service", "date": m.time.isoformat(), "actor": m.who, "action": "x", "text": ""})
        if rng.random() < 0.1:
            items.append({"id": first + 6000 + i, "type": "message", "date": m.time.isoformat(), "from": m.who,
                          "forwarded_from": "z", "text": "not mine"})
    return {"name": "c", "type": "private_group", "id": 5, "messages": items}


def telegram(rng):
    chats = [Chat(rng) for _ in range(rng.randint(1, 3))]
    expected = []
    for c in chats:
        base = len(expected)
        for e in c.expected():
            if e["reply_to"] is not None:
                e["reply_to"] += base
            expected.append(e)
    first = rng.choice((1, 1000, 2 ** 53 + 1))
    data = telegram_chat(chats[0], rng, first)
    if len(chats) > 1:
        data = {"about": "x", "chats": {"about": "y", "list": [telegram_chat(c, rng, first) for c in chats]}}
    return "json", json.dumps(data, indent=1, ensure_ascii=False), expected


def slack(rng):
    files, expected = {}, []
    folders = sorted(rng.sample(("general", "random", "ops", "b-side", "zoo"), 2))
    people, users = {}, []
    for k, p in enumerate(NAMES):
        uid = "U0%d" % k
        people[p] = uid
        profile = {"display_name": p} if k % 3 else {"display_name": "", "real_name": p}
        users.append({"id": uid, "name": "n%d" % k, "real_name": p if k % 2 else "no", "is_bot": False, "profile": profile})
        if k % 3 == 0:
            users[-1]["real_name"] = "other"
    files["users.json"] = json.dumps(users, indent=4)
    files["channels.json"] = json.dumps([{"id": "C%d" % i, "name": f} for i, f in enumerate(folders)])
    for f in folders:
        chat = Chat(rng, step=rng.choice((3, 200)))
        base = len(expected)
        days = {}
        ts = ["%d.%06d" % ((m.time - datetime(1970, 1, 1)).total_seconds(), i * 7) for i, m in enumerate(chat.messages)]
        for i, m in enumerate(chat.messages):
            raw = m.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            shown = m.text
            if rng.random() < 0.2:
                other = rng.choice(NAMES)
                raw, shown = "<@%s> %s <!here> <https://x.y/?a&amp;b|z>" % (people[other], raw), "@%s %s @here z" % (other, shown)
            item = {"type": "message", "user": people[m.who], "text": raw, "ts": ts[i]}
            if m.reply is not None:
                item["thread_ts"] = ts[m.reply]
            days.setdefault(m.time.date().isoformat(), []).append(item)
            if rng.random() < 0.2:
                days[m.time.date().isoformat()].append({"type": "message", "subtype": "channel_join", "user": people[m.who],
                                                        "text": "joined", "ts": ts[i] + "1"})
            expected.append({"time": m.time.strftime("%Y-%m-%dT%H:%M:%SZ"), "author": m.who, "text": shown.strip(),
                             "reply_to": None if m.reply is None else base + m.reply})
        for day, items in days.items():
            rng.shuffle(items)
            files["%s/%s.json" % (f, day)] = json.dumps(items, indent=4)
    return files, expected


def irc(rng):
    chat = Chat(rng, replies=False, multiline=False, step=rng.choice((1, 90)))
    nick = {p: "".join(c for c in p if c.isalnum() and c.isascii()) or "n%d" % i for i, p in enumerate(chat.people)}
    style = rng.choice(("irssi", "bracket", "weechat"))
    lines, expected, day = [], [], None
    for i, m in enumerate(chat.messages):
        n, t, time = nick[m.who], m.time, m.time.strftime("%Y-%m-%dT%H:%M:%S")
        action = rng.random() < 0.15
        if style == "irssi":
            if t.date() != day:
                lines.append(t.strftime("--- Log opened %a %b %d %H:%M:%S %Y" if day is None else "--- Day changed %a %b %d %Y"))
                day = t.date()
            lines.append("%s  * %s %s" % (t.strftime("%H:%M"), n, m.text) if action
                         else "%s <%s%s> %s" % (t.strftime("%H:%M"), rng.choice("@+ "), n, m.text))
            if rng.random() < 0.2:
                lines.append("%s -!- %s [u@h] has joined #c" % (t.strftime("%H:%M"), n))
            time = t.strftime("%Y-%m-%dT%H:%M:00")
        elif style == "bracket":
            lines.append("[%s] * %s %s" % (t.strftime("%H:%M"), n, m.text) if action else "[%s] <%s> %s" % (t.strftime("%H:%M"), n, m.text))
            if rng.random() < 0.2:
                lines.append("[%s] *** Joins: %s (u@h)" % (t.strftime("%H:%M"), n))
            time = None
        else:
            lines.append("%s\t%s" % (t, " *\t%s %s" % (n, m.text) if action else "%s%s\t%s" % (rng.choice(("", "@")), n, m.text)))
            if rng.random() < 0.2:
                lines.append("%s\t-->\t%s (u@h) has joined" % (t, n))
        expected.append({"time": time, "author": n, "text": ("/me " if action else "") + m.text, "reply_to": None})
    return "log", "\n".join(lines) + "\n", expected


def imessage(rng):
    chat = Chat(rng, multiline=True)
    for i, m in enumerate(chat.messages):  # a stamp and a name tell one message
        m.time += timedelta(seconds=i)

    def block(m, indent="", reply=False):
        stamp = m.time.strftime("%b %d, %Y ") + "%2d%s" % (m.time.hour % 12 or 12, m.time.strftime(":%M:%S %p"))
        lines = [stamp + rng.choice(("", " (Read by you after 5 seconds)")), m.who] + m.text.split("\n")
        if reply:
            lines.append("This message responded to an earlier message.")
        return "\n".join(indent + x for x in lines) + "\n\n"

    out = []
    for i, m in enumerate(chat.messages):
        text = block(m, reply=m.reply is not None)
        if rng.random() < 0.1:
            text = text.rstrip("\n") + "\nReactions:\nLoved by x\n\n"
        out.append(text + "".join(block(r, "    ") for r in chat.messages if r.reply == i))
        if rng.random() < 0.1:
            out.append(m.time.strftime("%b %d, %Y ") + "%2d%s x renamed it\n\n" % (m.time.hour % 12 or 12, m.time.strftime(":%M:%S %p")))
    return "txt", "".join(out), chat.expected()


def instruct(rng):
    turns = [(rng.choice(("user", "assistant")), rng.choice(TEXTS)) for _ in range(12)]
    expected = [{"time": None, "author": r, "text": t, "reply_to": None} for r, t in turns]
    kind = rng.choice(("openai", "sharegpt", "pairs"))
    if kind == "openai":
        lines = [json.dumps({"messages": [{"role": "system", "content": "s"}] + [{"role": r, "content": t} for r, t in turns[i:i + 4]]})
                 for i in range(0, 12, 4)]
        return "jsonl", "\n".join(lines) + "\n", expected
    if kind == "sharegpt":
        name = {"user": rng.choice(("human", "user")), "assistant": "gpt"}
        data = [{"conversations": [{"from": name[r], "value": t} for r, t in turns[i:i + 4]]} for i in range(0, 12, 4)]
        return "json", json.dumps(data, indent=2), expected
    expected = [{"time": None, "author": r, "text": t, "reply_to": None} for i in range(0, 12, 2)
                for r, t in (("user", turns[i][1]), ("assistant", turns[i + 1][1]))]
    return "jsonl", "".join(json.dumps({"prompt": turns[i][1], "completion": " " + turns[i + 1][1]}) + "\n"
                            for i in range(0, 12, 2)), expected


def canonical(rng):
    expected = Chat(rng, bots=True).expected()
    return "jsonl", "".join(json.dumps(e, ensure_ascii=rng.random() < 0.5) + "\n" for e in expected), expected


def prose(rng):
    paragraphs = ["\n".join(rng.choice(TEXTS) for _ in range(rng.randint(1, 4))) for _ in range(8)]
    return "txt", ("\n" * rng.randint(2, 4)).join(paragraphs) + "\n", [
        {"time": None, "author": None, "text": p, "reply_to": None} for p in paragraphs]


ONE_FILE = [discord_json, discord_csv, discord_text, discord_html, discord_paste, whatsapp, telegram, irc, imessage, instruct,
            canonical, prose]
FOLDERS = [discord_package, slack]


def write_expected(folder, name, expected):
    with open(os.path.join(folder, name + ".expected.jsonl"), "w", encoding="utf-8", newline="\n") as f:
        for e in expected:
            f.write(json.dumps(e, ensure_ascii=False) + "\n")


def encode(rng, text):
    how = rng.random()
    if how < 0.1:
        return b"\xef\xbb\xbf" + text.encode()
    if how < 0.2:
        return b"\xff\xfe" + text.encode("utf-16-le")
    return text.encode()


# The readers in the order in which tests/fuzz/fuzz_import_KIND.c lists them.
FUZZ = {"json": [discord_json, telegram, None, None, instruct, instruct, instruct, canonical], "csv": [discord_csv],
        "html": [discord_html], "logs": [whatsapp, irc, imessage, discord_paste, discord_text, prose], "any": ONE_FILE}


def write_fuzz(kind, folder):
    for seed in range(6):
        for place, make in enumerate(FUZZ.get(kind, [])):
            if make:
                extension, text, _ = make(random.Random(seed))
                first = b"" if kind in ("any", "html") else bytes([place])
                with open(os.path.join(folder, "%s-%d" % (make.__name__, seed)), "wb") as f:
                    f.write(first + text.encode()[:6000])
        if kind == "zip":
            for make in FOLDERS:
                with zipfile.ZipFile(os.path.join(folder, "%s-%d" % (make.__name__, seed)), "w", seed % 2 * 8) as z:
                    for path, text in sorted(make(random.Random(seed))[0].items())[:6]:
                        z.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text[:1500])


def main():
    global MESSAGES
    if sys.argv[1] == "--fuzz":
        os.makedirs(sys.argv[3], exist_ok=True)
        return write_fuzz(sys.argv[2], sys.argv[3])
    folder, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    MESSAGES = int(sys.argv[3]) if len(sys.argv) > 3 else None
    os.makedirs(folder, exist_ok=True)
    for make in ONE_FILE:
        rng = random.Random("%s %d" % (make.__name__, seed))
        extension, text, expected = make(rng)
        name = "%s-%d" % (make.__name__.replace("_", "-"), seed)
        with open(os.path.join(folder, name + "." + extension), "wb") as f:
            f.write(encode(rng, text))
        write_expected(folder, name, expected)
    for make in FOLDERS:
        rng = random.Random("%s %d" % (make.__name__, seed))
        files, expected = make(rng)
        name = "%s-%d" % (make.__name__.replace("_", "-"), seed)
        with zipfile.ZipFile(os.path.join(folder, name + ".zip"), "w", zipfile.ZIP_DEFLATED) as z:
            for path, text in sorted(files.items()):
                z.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
        for path, text in files.items():
            full = os.path.join(folder, name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8", newline="") as f:
                f.write(text)
        write_expected(folder, name, expected)


if __name__ == "__main__":
    main()
