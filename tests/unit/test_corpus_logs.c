// Line-based logs: WhatsApp, IRC, imessage-exporter, text copied from Discord, prose. Each case is one rule.
#include "tests/unit/corpus_case.h"

#define LRM   "\xE2\x80\x8E"
#define NNBSP "\xE2\x80\xAF"
#define NBSP  "\xC2\xA0"
#define DASH  " \xE2\x80\x94 "

static void test_whatsapp_stamps(void) {
    case_text("iOS, day first by a number above 12", "whatsapp",
              "[20/11/2026, 12:06:33] Ann: hi\n[11/12/2026, 12:07:00] Bob: yo\n",
              "2026-11-20T12:06:33|Ann|hi|-\n2026-12-11T12:07:00|Bob|yo|-\n", 0);
    case_text("iOS, 12-hour clock with a narrow space", "whatsapp",
              "[11/20/26, 12:06:33" NNBSP "PM] Ann: noon\n[11/20/26, 12:06:33" NNBSP "AM] Ann: midnight\n"
              "[1/2/26, 1:06:33" NBSP "PM] Ann: one\n[1/2/26, 1:06:33PM] Ann: two\n",
              "2026-11-20T12:06:33|Ann|noon|-\n2026-11-20T00:06:33|Ann|midnight|-\n2026-01-02T13:06:33|Ann|one|-\n"
              "2026-01-02T13:06:33|Ann|two|-\n",
              0);
    case_text("iOS, dots", "whatsapp", "[20.11.26, 12:06:33] Ann: a\n[01.02.26, 12:06:34] Ann: b\n",
              "2026-11-20T12:06:33|Ann|a|-\n2026-02-01T12:06:34|Ann|b|-\n", 0);
    case_text("dots mean day first where nothing else tells", "whatsapp", "[01.02.26, 12:06:33] Ann: a\n",
              "2026-02-01T12:06:33|Ann|a|-\n", 0);
    case_text("a 24-hour clock means day first", "whatsapp", "01/02/2026, 12:06 - Ann: a\n",
              "2026-02-01T12:06:00|Ann|a|-\n", 0);
    case_text("AM and PM mean month first", "whatsapp", "1/2/26, 12:06 PM - Ann: a\n", "2026-01-02T12:06:00|Ann|a|-\n",
              0);
    case_text("a second number above 12 means month first", "whatsapp",
              "01/02/26, 12:06 - Ann: a\n01/20/26, 12:06 - Ann: b\n",
              "2026-01-02T12:06:00|Ann|a|-\n2026-01-20T12:06:00|Ann|b|-\n", 0);
    case_text("the date of a system line tells the order too", "whatsapp",
              "20/11/2026, 12:06 - Ann added Bob\n01/02/2026, 12:06 - Ann: a\n", "2026-02-01T12:06:00|Ann|a|-\n", 0);
    case_text("Android, dots", "whatsapp", "20.11.26, 12:06 - Ann: a\n", "2026-11-20T12:06:00|Ann|a|-\n", 0);
    case_text("Android without a comma", "whatsapp", "20/11/2026 12:06 - Ann: a\n", "2026-11-20T12:06:00|Ann|a|-\n", 0);
    case_text("year first", "whatsapp", "2026-11-20, 12:06 - Ann: a\n2026/11/21, 12:06 - Ann: b\n",
              "2026-11-20T12:06:00|Ann|a|-\n2026-11-21T12:06:00|Ann|b|-\n", 0);
    case_text("lower-case halves", "whatsapp", "20/11/2026, 3:06 p.m. - Ann: a\n20/11/2026, 3:06 pm - Ann: b\n",
              "2026-11-20T15:06:00|Ann|a|-\n2026-11-20T15:06:00|Ann|b|-\n", 0);
    case_text("an impossible date is not known", "whatsapp", "20/11/2026, 12:06 - Ann: a\n31/02/2026, 12:06 - Ann: b\n",
              "2026-11-20T12:06:00|Ann|a|-\n-|Ann|b|-\n", 0);
}

static void test_whatsapp_texts(void) {
    case_text("lines continue, colons and stamps inside stay", "whatsapp",
              "20/11/2026, 12:06 - Ann: one: two\n  three\n\nmeet 21/11/2026, 18:00?\n20/11/2026, 12:07 - Bob: x\n",
              "2026-11-20T12:06:00|Ann|one: two\n  three\n\nmeet 21/11/2026, 18:00?|-\n2026-11-20T12:07:00|Bob|x|-\n",
              0);
    case_text("a tilde before an unknown name", "whatsapp",
              "[20/11/2026, 12:06:33] ~ Ann: a\n[20/11/2026, 12:06:33] ~" NNBSP
              "Bob: b\n[20/11/2026, 12:06:33] ~Cy: c\n",
              "2026-11-20T12:06:33|Ann|a|-\n2026-11-20T12:06:33|Bob|b|-\n2026-11-20T12:06:33|~Cy|c|-\n", 0);
    case_text("iOS: what begins with U+200E is dropped whole", "whatsapp",
              LRM "[20/11/2026, 12:06:33] Soup: " LRM "Ann created this group\n"
                  "[20/11/2026, 12:06:34] Ann: " LRM "POLL:\nwhich soup\n" LRM "OPTION: red\n"
                  "[20/11/2026, 12:06:35] Ann: said\n",
              "2026-11-20T12:06:35|Ann|said|-\n", 0);
    case_text("Android: the line that begins with U+200E goes, the caption stays", "whatsapp",
              "20/11/2026, 12:06 - Ann: " LRM "IMG-20261120-WA0003.jpg (Datei angeh\xC3\xA4ngt)\nthe caption\n"
              "20/11/2026, 12:06 - Ann: VID-20261120-WA0004.mp4 (archivo adjunto)\nother caption\n"
              "20/11/2026, 12:06 - Ann: menu.pdf (file attached)\n",
              "2026-11-20T12:06:00|Ann|the caption|-\n2026-11-20T12:06:00|Ann|other caption|-\n", 0);
    case_text("only brackets", "whatsapp",
              "20/11/2026, 12:06 - Ann: <Media omitted>\n20/11/2026, 12:06 - Ann: <Medien ausgeschlossen>\n"
              "20/11/2026, 12:06 - Ann: <3\n20/11/2026, 12:06 - Ann: a <b> c\n",
              "2026-11-20T12:06:00|Ann|<3|-\n2026-11-20T12:06:00|Ann|a <b> c|-\n", 0);
    case_text("deleted messages", "whatsapp",
              "20/11/2026, 12:06 - Ann: This message was deleted\n20/11/2026, 12:06 - Ann: You deleted this message.\n"
              "20/11/2026, 12:06 - Ann: Diese Nachricht wurde gel\xC3\xB6scht.\n"
              "20/11/2026, 12:06 - Ann: This message was deleted by me\n",
              "2026-11-20T12:06:00|Ann|This message was deleted by me|-\n", 0);
    case_text("edited marks", "whatsapp",
              "20/11/2026, 12:06 - Ann: a <This message was edited>\n[20/11/2026, 12:06:00] Ann: b " LRM
              "<This message was edited>\n[20/11/2026, 12:06:00] Ann: c " LRM "<Diese Nachricht wurde bearbeitet>\n",
              "2026-11-20T12:06:00|Ann|a|-\n2026-11-20T12:06:00|Ann|b|-\n2026-11-20T12:06:00|Ann|c|-\n", 0);
    case_text("isolates around a mention", "whatsapp",
              "[20/11/2026, 12:06:00] Ann: @\xE2\x81\xA8"
              "Bob B\xE2\x81\xA9 and \xE2\x81\xA8not one\xE2\x81\xA9\n",
              "2026-11-20T12:06:00|Ann|@Bob B and \xE2\x81\xA8not one\xE2\x81\xA9|-\n", 0);
    case_text("Android system lines have no name", "whatsapp",
              "20/11/2026, 12:06 - Messages are end-to-end encrypted.\n20/11/2026, 12:06 - Ann: a\n"
              "20/11/2026, 12:06 - Ann changed the group name\nmore of it\n20/11/2026, 12:07 - Ann: b\n",
              "2026-11-20T12:06:00|Ann|a|-\n2026-11-20T12:07:00|Ann|b|-\n", 0);
    case_text("a lost beginning is counted", "whatsapp",
              "half a line\n20/11/2026, 12:06 - Ann: a\n20/11/2026, 12:06 - Ann: b\n",
              "2026-11-20T12:06:00|Ann|a|-\n2026-11-20T12:06:00|Ann|b|-\n", 1);
}

static void test_irc(void) {
    case_text(
        "irssi", "irc",
        "--- Log opened Fri Nov 20 23:40:00 2026\n23:41 <@ann> hi\n23:41 < bob> yo\n23:42  * ann waves\n"
        "23:42 -!- cy [c@h] has joined #c\n23:43 -ann:#c- notice\n--- Day changed Sat Nov 21 2026\n00:01 <+bob> late\n"
        "--- Log closed Sat Nov 21 00:02:00 2026\n",
        "2026-11-20T23:41:00|ann|hi|-\n2026-11-20T23:41:00|bob|yo|-\n2026-11-20T23:42:00|ann|/me waves|-\n"
        "2026-11-21T00:01:00|bob|late|-\n",
        0);
    case_text(
        "brackets, no day", "irc",
        "[12:06] <ann> hi\n[12:06:33] * ann waves\n[12:06] *** Joins: bob (u@h)\n[12:07] <bob> [12:06] <ann> hi\n",
        "-|ann|hi|-\n-|ann|/me waves|-\n-|bob|[12:06] <ann> hi|-\n", 0);
    case_text("stamps with a date", "irc",
              "[2026-11-20 12:06:33] <ann> hi\n2026-11-20 12:06:34 <bob> yo\n[2026-11-20T12:06:35] * bob nods\n",
              "2026-11-20T12:06:33|ann|hi|-\n2026-11-20T12:06:34|bob|yo|-\n2026-11-20T12:06:35|bob|/me nods|-\n", 0);
    case_text(
        "weechat", "irc",
        "2026-11-20 12:06:00\t-->\tann (u@h) has joined #c\n2026-11-20 12:06:01\t@ann\thi\tthere\n"
        "2026-11-20 12:06:02\t *\tann waves twice\n2026-11-20 12:06:03\t--\tMode #c [+o ann]\n"
        "2026-11-20 12:06:04\t<--\tann has quit\n2026-11-20 12:06:05\tbob\tx\n",
        "2026-11-20T12:06:01|ann|hi\tthere|-\n2026-11-20T12:06:02|ann|/me waves twice|-\n2026-11-20T12:06:05|bob|x|-\n",
        0);
    case_text("a mode sign before the nick goes", "irc",
              "[12:06] <%ann> a\n[12:06] <&ann> b\n[12:06] <~ann> c\n[12:06] <+ann> d\n",
              "-|ann|a|-\n-|ann|b|-\n-|ann|c|-\n-|ann|d|-\n", 0);
    case_text("mIRC codes", "irc",
              "[12:06] <ann> \x02"
              "bold\x02 \x03"
              "04,12red\x03 \x03"
              "4x\x0f \x1f"
              "u\x1d"
              "i\x16r\x1e"
              "s\x11m\n[12:07] <ann> \x03"
              "12,ok\n",
              "-|ann|bold red x uirsm|-\n-|ann|,ok|-\n", 0);
    case_text("a cut line is counted, other angles stay", "irc",
              "[12:06] <ann> <b> a -!- b\n[12:07] <ann> *** x\n[12:08] <an\n", "-|ann|<b> a -!- b|-\n-|ann|*** x|-\n",
              1);
    case_text("one line is enough when it is the first", "irc", "[12:06] <ann> hi\n", "-|ann|hi|-\n", 0);
}

static void test_imessage(void) {
    case_text(
        "blocks", "imessage",
        "Nov 20, 2026  9:06:02 AM (Read by you after 5 seconds)\nMe\none\n\ntwo\n\nNov 20, 2026 12:06:02 PM\nAnn B\nhi\n\n"
        "Nov 20, 2026 12:07:02 AM You renamed the conversation to Soup\n\n",
        "2026-11-20T09:06:02|Me|one\n\ntwo|-\n2026-11-20T12:06:02|Ann B|hi|-\n", 0);
    case_text(
        "lines that are dropped", "imessage",
        "Nov 20, 2026  9:06:02 AM\nMe\nattachments/14/x.heic\ncaption\nSent with Confetti\nReactions:\nLoved by Ann\n\n"
        "Nov 20, 2026  9:07:02 AM\nAnn\n/home/a/Library/Messages/Attachments/1/x.png\n\n"
        "Nov 20, 2026  9:08:02 AM\nAnn\nTapbacks:\nLaughed by Me\n\nmore text\n\n",
        "2026-11-20T09:06:02|Me|caption|-\n2026-11-20T09:08:02|Ann|more text|-\n", 0);
    case_text(
        "edits", "imessage",
        "Nov 20, 2026  9:06:02 AM\nMe\nNov 20, 2026  9:06:02 AM old\nEdited 12 seconds later: newer\n"
        "Edited 1 minute, 2 seconds later: newest\nsecond line\n\nNov 20, 2026  9:07:02 AM\nMe\nEdited 2 lines later: no\n\n",
        "2026-11-20T09:06:02|Me|newest\nsecond line|-\n2026-11-20T09:07:02|Me|Edited 2 lines later: no|-\n", 0);
    case_text("replies stand twice", "imessage",
              "Nov 20, 2026  9:06:02 AM\nAnn\nask\n\n    Nov 20, 2026  9:07:02 AM\n    Me\n    answer\n\n"
              "    Nov 20, 2026  9:08:02 AM\n    Bob\n    other\n\nNov 20, 2026  9:07:02 AM\nMe\nanswer\n"
              "This message responded to an earlier message.\n\nNov 20, 2026  9:07:02 AM\nMe\nno answer\n\n"
              "Nov 20, 2026  9:08:02 AM\nBob\nother\nThis message responded to an earlier message.\n\n"
              "Nov 20, 2026  9:09:02 AM\nCy\norphan\nThis message responded to an earlier message.\n\n",
              "2026-11-20T09:06:02|Ann|ask|-\n2026-11-20T09:07:02|Me|answer|0\n2026-11-20T09:07:02|Me|no answer|-\n"
              "2026-11-20T09:08:02|Bob|other|0\n2026-11-20T09:09:02|Cy|orphan|-\n",
              0);
}

static void test_paste_looks(void) {
    case_text(
        "joined", "discord-paste",
        "lost\nUlti / JohnToday at 12:06 PM\nhi\n\nyo\nmoth_9Yesterday at 23:06\nsee you Today at 5 then\nToday at 12:30 PM\n",
        "-|Ulti / John|hi|-\n-|Ulti / John|yo|-\n-|moth_9|see you Today at 5 then|-\n-|moth_9|Today at 12:30 PM|-\n",
        0);
    case_text("dashed", "discord-paste",
              "Ann" DASH "11/20/2026 12:06 PM\nhi\nBob Role icon, Gardener" DASH "11/20/26, 12:07 PM\nyo\nCy" DASH
              "Today at 1:00 PM\nx\n",
              "2026-11-20T12:06:00|Ann|hi|-\n2026-11-20T12:07:00|Bob|yo|-\n-|Cy|x|-\n", 0);
    case_text("dashed, a 24-hour clock with the day first", "discord-paste",
              "Ann" DASH "20/11/2026 12:06\nhi\nAnn" DASH "01/02/2026 13:06\nyo\n",
              "2026-11-20T12:06:00|Ann|hi|-\n2026-02-01T13:06:00|Ann|yo|-\n", 0);
    case_text(
        "tall, with badges", "discord-paste",
        "TeXit\nAPP\n" DASH "11/20/2026 12:06 PM\nrendered\nAnn\nSOUP\n" DASH
        "11/20/2026 12:07 PM\nhi\nthere\nBob\nOP\n" DASH "11/20/2026 12:08 PM\nyo\nold\nBOT\n" DASH
        "11/20/2026 12:09 PM\nbeep\n",
        "2026-11-20T12:06:00|TeXit|rendered|-|bot\n2026-11-20T12:07:00|Ann|hi|-\n2026-11-20T12:07:00|Ann|there|-\n"
        "2026-11-20T12:08:00|Bob|yo|-\n2026-11-20T12:09:00|old|beep|-|bot\n",
        0);
    case_text(
        "compact", "discord-paste",
        "November 20, 2026\n[12:06 PM]ann: hi: there\nmore\n\nlast (edited)\n[12:07 PM] bob: yo\n[12:08" NNBSP
        "PM]ann: x\n",
        "2026-11-20T12:06:00|ann|hi: there\nmore\nlast|-\n2026-11-20T12:07:00|bob|yo|-\n2026-11-20T12:08:00|ann|x|-\n",
        0);
    case_text("compact without a day", "discord-paste", "[12:06]ann: hi\n[13:07]bob: yo\n", "-|ann|hi|-\n-|bob|yo|-\n",
              0);
}

static void test_paste_rules(void) {
    case_text(
        "dividers give the day", "discord-paste",
        "AnnToday at 12:06 PM\nfirst\nNovember 20, 2026\nAnnYesterday at 12:06 PM\nsecond\nBobToday at 1:00 PM\nthird\n"
        "November 21, 2026\nBobToday at 1:00 AM\nfourth\n",
        "-|Ann|first|-\n2026-11-20T12:06:00|Ann|second|-\n2026-11-20T13:00:00|Bob|third|-\n"
        "2026-11-21T01:00:00|Bob|fourth|-\n",
        0);
    case_text(
        "what is dropped", "discord-paste",
        "AnnToday at 12:06 PM\nImage\nNEW\nmy file.txt\n11 KB\nphoto.PNG\n1.5 MB\n(edited)\nsoup.txt is late\n11 KB\nok (edited)\n"
        "BobToday at 12:07 PM\nx\n",
        "-|Ann|soup.txt is late|-\n-|Ann|11 KB|-\n-|Ann|ok|-\n-|Bob|x|-\n", 0);
    case_text(
        "previews of replies", "discord-paste",
        "Ann BToday at 12:06 PM\nthe soup is on fire\nthe soup\nBobToday at 12:07 PM\nx\n@Ann B the soup is\xE2\x80\xA6\n"
        "CyToday at 12:08 PM\nreply\n@Ann B the soup\nCyToday at 12:09 PM\nlatest\n@Ann B other\nCyToday at 12:10 PM\nno preview\n",
        "-|Ann B|the soup is on fire|-\n-|Ann B|the soup|-\n-|Bob|x|-\n-|Cy|reply|0\n-|Cy|latest|1\n"
        "-|Cy|@Ann B other|-\n-|Cy|no preview|-\n",
        0);
    case_text(
        "line breaks were lost", "discord-paste",
        "before it all Ulti / JohnToday at 12:06 PM hi there it says Today at least annToday at 12:07 PM yo yo "
        "Ulti / JohnToday at 12:08 PM ok annYesterday at 23:09 late soloToday at 12:10 PM end",
        "-|Ulti / John|hi there it says Today at least|-\n-|ann|yo yo|-\n-|Ulti / John|ok|-\n-|ann|late|-\n-|solo|end|-\n",
        0);
    case_text("IRC is not compact Discord", "irc", "[12:06] <ann> a: b\n[12:07] <bob> c: d\n",
              "-|ann|a: b|-\n-|bob|c: d|-\n", 0);
}

static void test_prose(void) {
    case_text("paragraphs", "prose", "  One\n   two\n\n\n \t\nThree.\n12:06 was late\n",
              "-|-|One\n   two|-\n-|-|Three.\n12:06 was late|-\n", 0);
    case_text("one match inside is still prose", "prose", "A letter.\n\n20/11/2026, 12:06 - Ann: a\n",
              "-|-|A letter.|-\n-|-|20/11/2026, 12:06 - Ann: a|-\n", 0);
    case_text("brackets and braces", "prose", "{not json}\n\n[neither]\n", "-|-|{not json}|-\n-|-|[neither]|-\n", 0);
    case_text("two matches in the middle make a log", "whatsapp",
              "x\n20/11/2026, 12:06 - Ann: a\n20/11/2026, 12:06 - Ann: b\n",
              "2026-11-20T12:06:00|Ann|a|-\n2026-11-20T12:06:00|Ann|b|-\n", 1);
}

static void test_markup(void) {
    case_text(
        "emoji and mentions in any format", NULL,
        "[12:06] <ann> <:kek:123> <a:dance:4> <@12> <@!12> <@&12> <#12> <t:1783108260:R> <b> <@x>\n[12:06] <bob> :kek:\n",
        "-|ann|:kek: :dance: @unknown @unknown @unknown #unknown <t:1783108260:R> <b> <@x>|-\n-|bob|:kek:|-\n", 0);
}

int main(void) {
    test_whatsapp_stamps();
    test_whatsapp_texts();
    test_irc();
    test_imessage();
    test_paste_looks();
    test_paste_rules();
    test_prose();
    test_markup();
    return test_end();
}
