// What DiscordChatExporter writes, and single channels of a data package. Each case is one rule.
#include "tests/unit/corpus_case.h"

#define HEAD                                                                                                           \
    "{\n  \"guild\": {\"id\": \"1\"},\n  \"channel\": {\"id\": \"77\", \"name\": \"soup\"},\n  \"messages\": [\n"
#define TAIL "\n  ],\n  \"messageCount\": 1\n}\n"
#define RULE "==============================================================\n"

// One message of an export: id, type, timestamp, content, members of the author, more members.
#define MESSAGE(id, type, time, content, author, more)                                                                 \
    "    {\n      \"id\": \"" id "\",\n      \"type\": \"" type "\",\n      \"timestamp\": \"" time                    \
    "\",\n      \"content\": \"" content "\",\n      \"author\": {" author "}" more "\n    }"
#define NEXT    ",\n"
#define TO(id)  ", \"reference\": {\"messageId\": \"" id "\"}"
#define ANN     "\"id\": \"5\", \"name\": \"ann_1\", \"nickname\": \"Ann\", \"isBot\": false"
#define SOUPBOT "\"id\": \"7\", \"name\": \"soupbot\", \"isBot\": true"
#define BOB     "\"id\": \"6\", \"name\": \"bob_1\", \"nickname\": \"\", \"isBot\": false"

// clang-format off: one message a line
static void test_json(void) {
    case_text("kept and dropped types", "discord-json",
              HEAD MESSAGE("1", "Default", "2026-11-20T12:06:00.1234567+00:00", "a", ANN, "")
                  NEXT MESSAGE("2", "GuildMemberJoin", "2026-11-20T12:06:01+00:00", "Joined the server.", ANN, "")
                      NEXT MESSAGE("3", "20", "2026-11-20T12:06:02+02:00", "slash", ANN, "")
                          NEXT MESSAGE("4", "23", "2026-11-20T12:06:03-03:30", "menu", BOB, "")
                              NEXT MESSAGE("5", "8", "2026-11-20T12:06:04+00:00", "boost", ANN, "")
                                  NEXT MESSAGE("6", "ThreadCreated", "2026-11-20T12:06:05+00:00", "t", ANN, "") TAIL,
              "2026-11-20T12:06:00Z|Ann|a|-\n"
              "2026-11-20T12:06:02+02:00|Ann|slash|-\n"
              "2026-11-20T12:06:03-03:30|bob_1|menu|-\n",
              0);
    case_text("replies, forwards, bots; ids that no double can tell apart", "discord-json",
              HEAD MESSAGE("9007199254740993", "Default", "2026-11-20T12:06:00Z", "a", ANN, "")
                  NEXT MESSAGE("9007199254740992", "Default", "2026-11-20T12:06:01Z", "b", SOUPBOT, "")
                      NEXT MESSAGE("3", "Reply", "2026-11-20T12:06:02Z", "c", ANN, TO("9007199254740993"))
                          NEXT MESSAGE("4", "Default", "2026-11-20T12:06:03Z", "d", ANN, TO("3"))
                              NEXT MESSAGE("5", "Reply", "2026-11-20T12:06:04Z", "e", ANN, TO("99"))
                                  NEXT MESSAGE("6", "Default", "2026-11-20T12:06:05Z", "", ANN,
                                               ", \"forwardedMessage\": {\"content\": \"others' words\"}") TAIL,
              "2026-11-20T12:06:00Z|Ann|a|-\n"
              "2026-11-20T12:06:01Z|soupbot|b|-|bot\n"
              "2026-11-20T12:06:02Z|Ann|c|0\n"
              "2026-11-20T12:06:03Z|Ann|d|-\n"
              "2026-11-20T12:06:04Z|Ann|e|-\n",
              0);
    case_text("a reply to a dropped message is none", "discord-json",
              HEAD MESSAGE("1", "GuildMemberJoin", "2026-11-20T12:06:00Z", "x", ANN, "")
                  NEXT MESSAGE("2", "Reply", "2026-11-20T12:06:02Z", "c", ANN, TO("1")) TAIL,
              "2026-11-20T12:06:02Z|Ann|c|-\n", 0);
    case_text("mentions resolve through mentions and later authors", "discord-json",
              HEAD MESSAGE("1", "Default", "2026-11-20T12:06:00Z", "<@6> <@!8> <@9> <#77> <#78> <:kek:1>", ANN,
                           ", \"mentions\": [{\"id\": \"8\", \"name\": \"cy_1\", \"nickname\": \"Cy\"}]")
                  NEXT MESSAGE("2", "Default", "2026-11-20T12:06:02Z", "b", BOB, "") TAIL,
              "2026-11-20T12:06:00Z|Ann|@bob_1 @Cy @unknown #soup #unknown :kek:|-\n"
              "2026-11-20T12:06:02Z|bob_1|b|-\n",
              0);
    case_text("written newest first", "discord-json",
              HEAD MESSAGE("3", "Reply", "2026-11-20T12:06:02Z", "c", ANN, TO("1"))
                  NEXT MESSAGE("2", "Default", "2026-11-20T12:06:01Z", "b", BOB, "")
                      NEXT MESSAGE("1", "Default", "2026-11-20T12:06:00Z", "a", ANN, "") TAIL,
              "2026-11-20T12:06:00Z|Ann|a|-\n"
              "2026-11-20T12:06:01Z|bob_1|b|-\n"
              "2026-11-20T12:06:02Z|Ann|c|0\n",
              0);
    case_text("escapes", "discord-json",
              HEAD MESSAGE("1", "Default", "2026-11-20T12:06:00Z",
                           "\\uD83D\\uDE42 a\\u0000b \\uD83D \\uDE42 \\t\\\\ \\u00e9 \\\"", ANN, "") TAIL,
              "2026-11-20T12:06:00Z|Ann|\xF0\x9F\x99\x82 ab \xEF\xBF\xBD \xEF\xBF\xBD \t\\ \xC3\xA9 \"|-\n", 0);
    case_text("trimming, empty texts, unreadable dates", "discord-json",
              HEAD MESSAGE("1", "Default", "yesterday", "  \\n a \\n\\n b\\t\\n", ANN, "")
                  NEXT MESSAGE("2", "Default", "2026-13-40T12:06:01Z", "b", BOB, "")
                      NEXT MESSAGE("3", "Default", "2026-11-20T12:06:01Z", " \\n\\t ", BOB, "") TAIL,
              "-|Ann|a \n\n b|-\n"
              "-|bob_1|b|-\n",
              0);
}

static void test_json_faults(void) {
    case_text("wrong types cost one message each", "discord-json",
              HEAD "    7,\n    \"text\",\n    null,\n    {\"id\": 1},\n" MESSAGE("1", "Default",
                                                                                  "2026-11-20T12:06:00Z", "a", ANN, "")
                  NEXT "    {\"id\": \"2\", \"type\": \"Default\", \"content\": 5, \"author\": {" ANN "}},\n"
                       "    {\"id\": \"3\", \"type\": \"Default\", \"content\": \"x\", \"author\": \"ann\"}" TAIL,
              "2026-11-20T12:06:00Z|Ann|a|-\n", 6);
    case_text("cut inside of a message", "discord-json",
              HEAD MESSAGE("1", "Default", "2026-11-20T12:06:00Z", "a", ANN, "") NEXT
              "    {\n      \"id\": \"2\",\n      \"cont",
              "2026-11-20T12:06:00Z|Ann|a|-\n", 1);
    case_text("cut between messages", "discord-json",
              HEAD MESSAGE("1", "Default", "2026-11-20T12:06:00Z", "a", ANN, "") NEXT, "2026-11-20T12:06:00Z|Ann|a|-\n",
              0);
    case_text("a lost brace costs one message", "discord-json",
              HEAD "    {\n      \"id\": \"0\",\n      \"author\": {\n" NEXT MESSAGE(
                  "1", "Default", "2026-11-20T12:06:00Z", "a", ANN, "")
                  NEXT MESSAGE("2", "Default", "2026-11-20T12:06:01Z", "b", BOB, "") TAIL,
              "2026-11-20T12:06:00Z|Ann|a|-\n"
              "2026-11-20T12:06:01Z|bob_1|b|-\n",
              1);
    case_text("a lost quote costs one message", "discord-json",
              HEAD "    {\n      \"id\": \"0,\n      \"type\": \"Default\"\n    },\n" MESSAGE(
                  "1", "Default", "2026-11-20T12:06:00Z", "a", ANN, "") TAIL,
              "2026-11-20T12:06:00Z|Ann|a|-\n", 1);
    static const char no_list[] = "{\"guild\": {}, \"channel\": {}, \"messages\": {\"a\": 1}}";
    static const char empty[] = "{\"guild\": {}, \"channel\": {}, \"messages\": []}";
    static const char all_broken[] = "{\"guild\": {}, \"channel\": {}, \"messages\": [1, 2]}";
    case_fails("messages is an object", no_list, sizeof no_list - 1, "messages");
    case_fails("no messages", empty, sizeof empty - 1, "no messages");
    case_fails("nothing can be used", all_broken, sizeof all_broken - 1, "broken");
}
// clang-format on

static void test_deep(void) {
    buf deep = {0};
    buf_puts(&deep, HEAD "    {\"id\": ");
    for (int i = 0; i < 100000; i++) buf_putc(&deep, '[');
    for (int i = 0; i < 100000; i++) buf_putc(&deep, ']');
    buf_puts(&deep, "},\n" MESSAGE("1", "Default", "2026-11-20T12:06:00Z", "a", ANN, "") TAIL);
    case_text("100,000 brackets deep costs one message", "discord-json", deep.data, "2026-11-20T12:06:00Z|Ann|a|-\n",
              1);
    buf_clear(&deep);
    for (int i = 0; i < 100000; i++) buf_putc(&deep, '[');
    case_fails("nothing but brackets", deep.data, deep.len, "JSON");
    buf_clear(&deep);
    buf_puts(&deep, HEAD "    {\"id\": \"1\", \"type\": \"Default\", \"author\": {" ANN "}, \"content\": \"");
    for (int i = 0; i < 5000000 / 8; i++) buf_puts(&deep, "soup is ");
    buf_puts(&deep, "\"}" TAIL);
    const char *paths[1];
    char path[64];
    corpus_report r = {0};
    error err;
    case_write(path, deep.data, deep.len);
    paths[0] = path;
    OK(corpus_read(paths, 1, NULL, NULL, NULL, &r, &err) == CORPUS_DONE && r.messages == 1, "5 MB in one line: %s",
       err.text);
    OK(r.people.n == 1 && r.people.list[0].words == 1250000, "%lld words",
       r.people.n ? (long long)r.people.list[0].words : 0);
    unlink(path);
    corpus_report_free(&r);
    buf_free(&deep);
}

static void test_csv(void) {
    case_text(
        "rows", "discord-csv",
        "AuthorID,Author,Date,Content,Attachments,Reactions\n"
        "\"15001\",\"ann#1234\",\"2026-11-20T12:06:00.0000000+00:00\",\"a \"\"b\"\", c\nd\",\"\",\"\"\n"
        "\"15002\",\"bob\",\"2026-11-20T12:07:00.0000000+02:00\",\"<@15001> <@9>\",\"\",\"\"\n"
        "\"15002\",\"bob\",\"2026-11-20T12:07:00.0000000+02:00\",\"\",\"http://x\",\"\"\n"
        "\"15002\",\"bob\",\"soon\",\"no date\",\"\",\"\"\n"
        "\"15002\",\"bob\",\"2026-11-20T12:07:00.0000000+02:00\",\"short\"\n"
        "\"15002\",\"bob\",\"2026-11-20T12:07:00.0000000+02:00\"\n",
        "2026-11-20T12:06:00Z|ann|a \"b\", c\nd|-\n2026-11-20T12:07:00+02:00|bob|@ann @unknown|-\n-|bob|no date|-\n"
        "2026-11-20T12:07:00+02:00|bob|short|-\n",
        1);
    case_text(
        "dates of late 2023", "discord-csv",
        "AuthorID,Author,Date,Content,Attachments,Reactions\r\n\"1\",\"ann\",\"10/6/2023 12:37 AM\",\"a\",\"\",\"\"\r\n"
        "\"1\",\"ann\",\"10/26/2023 1:37 PM\",\"b\",\"\",\"\"\r\n",
        "2023-10-06T00:37:00|ann|a|-\n2023-10-26T13:37:00|ann|b|-\n", 0);
    case_text(
        "system rows by their whole text", "discord-csv",
        "AuthorID,Author,Date,Content,Attachments,Reactions\n\"1\",\"a\",\"\",\"Joined the server.\"\n"
        "\"1\",\"a\",\"\",\"Pinned a message.\"\n\"1\",\"a\",\"\",\"Started a thread.\"\n\"1\",\"a\",\"\",\"Left the group.\"\n"
        "\"1\",\"a\",\"\",\"Added Bob B to the group.\"\n\"1\",\"a\",\"\",\"Removed Bob from the group.\"\n"
        "\"1\",\"a\",\"\",\"Added a recipient.\"\n\"1\",\"a\",\"\",\"Removed a recipient.\"\n"
        "\"1\",\"a\",\"\",\"Started a call that lasted 12 minutes.\"\n\"1\",\"a\",\"\",\"Changed the channel name.\"\n"
        "\"1\",\"a\",\"\",\"Changed the channel name: soup\"\n\"1\",\"a\",\"\",\"Changed the channel icon.\"\n"
        "\"1\",\"a\",\"\",\"Pinned a message. Twice.\"\n\"1\",\"a\",\"\",\"Joined the server\"\n",
        "-|a|Pinned a message. Twice.|-\n-|a|Joined the server|-\n", 0);
    case_text(
        "cut inside of a field", "discord-csv",
        "AuthorID,Author,Date,Content,Attachments,Reactions\n\"15001\",\"a\",\"\",\"one\",\"\",\"\"\n\"15001\",\"a\",\"\",\"tw",
        "-|a|one|-\n", 1);
    case_text("a quote that never closes costs one row", "discord-csv",
              "AuthorID,Author,Date,Content,Attachments,Reactions\n\"15001\",\"a\",\"\",\"one,\"\",\"\"\n"
              "\"15001\",\"a\",\"\",\"two\",\"\",\"\"\n\"15001\",\"a\",\"\",\"three\",\"\",\"\"\n",
              "-|a|two|-\n-|a|three|-\n", 1);
    static const char *const bad[] = {"AuthorID,Date,Content\n\"1\",\"\",\"x\"\n",
                                      "AuthorID,Author,Date,Text\n\"1\",\"a\",\"\",\"x\"\n"};
    case_fails("no Author", bad[0], strlen(bad[0]), "Author");
    case_fails("no Content", bad[1], strlen(bad[1]), "Content");
}

static void test_text(void) {
    case_text(
        "headers, markers, system lines", "discord-text",
        RULE
        "Guild: G\nChannel: C / d\nTopic: t\nAfter: 1\n" RULE "\n[11/20/2026 12:06 PM] ann#1234 (pinned)\none\n\n\n"
        "two [11/20/2026 12:06 PM] x\n[11/20/2026 12:06 PM] not after a blank line\n\n\n[11/20/2026 12:07 PM] bob\n\n\n"
        "{Attachments}\nhttp://x\n\n[11/21/2026 1:07 AM] bob\nsee\n\n{Embed}\nt\n\n{Reactions}\nx (2)\n\n"
        "[11/21/2026 1:08 AM] bob\n\n{Forwarded Message}\nothers\n\n[11/21/2026 1:09 AM] bob\nJoined the server.\n\n\n"
        "[11/21/2026 1:10 AM] bob\nan {Embed} inside\n" RULE "rule\n\n\n" RULE "Exported 6 message(s)\n" RULE,
        "2026-11-20T12:06:00|ann|one\n\n\ntwo [11/20/2026 12:06 PM] x\n[11/20/2026 12:06 PM] not after a blank line|-\n"
        "2026-11-21T01:07:00|bob|see|-\n2026-11-21T01:10:00|bob|an {Embed} inside\n" RULE "rule|-\n",
        0);
    case_text("other locales", "discord-text",
              RULE "Guild: G\nChannel: C\n" RULE "\n[20.11.2026 12:06] ann\na\n\n\n[01.02.2026 13:06] ann\nb\n\n\n" RULE
                   "Exported 2 message(s)\n" RULE,
              "2026-11-20T12:06:00|ann|a|-\n2026-02-01T13:06:00|ann|b|-\n", 0);
    case_text("old versions' dates", "discord-text",
              RULE "Guild: G\nChannel: C\n" RULE "\n[20-Nov-26 12:06 PM] ann\na\n\n\n" RULE
                   "Exported 1 message(s)\n" RULE,
              "2026-11-20T12:06:00|ann|a|-\n", 0);
    case_text("cut inside of a text", "discord-text",
              RULE "Guild: G\nChannel: C\n" RULE "\n[11/20/2026 12:06 PM] ann\na\n\n\n[11/20/2026 12:07 PM] ann\nhal",
              "2026-11-20T12:06:00|ann|a|-\n", 1);
    case_text("cut inside of a header", "discord-text",
              RULE "Guild: G\nChannel: C\n" RULE "\n[11/20/2026 12:06 PM] ann\na\n\n\n[11/20/2026 12",
              "2026-11-20T12:06:00|ann|a|-\n", 1);
}

#define PAGE  "<!DOCTYPE html><html lang=en><head><title>x</title><style>a{}</style><body><div class=chatlog>\n"
#define GROUP "<div class=chatlog__message-group>"
#define CONTAINER(id)                                                                                                  \
    "<div id=c" id " class=chatlog__message-container data-message-id=" id "><div class=chatlog__message>"
#define HEADER(name, time)                                                                                             \
    "<div class=chatlog__header><span class=chatlog__author title=x>" name                                             \
    "</span> <span class=chatlog__timestamp title=y><a href=#z>" time "</a></span></div>"
#define SHORT(time) "<div class=chatlog__short-timestamp title=y>" time "</div>"
#define CONTENT(text)                                                                                                  \
    "<div class=\"chatlog__content chatlog__markdown\"><span class=chatlog__markdown-preserve>" text "</span></div>"

#define END       "</div></div>" // of a container
#define END_GROUP END "</div>\n" // and of its group

// clang-format off: one message a line
static void test_html(void) {
    case_text("groups and times", "discord-html",
              PAGE GROUP CONTAINER("1") HEADER("Ann &amp; &lt;co&gt;", "11/20/2026 11:58 PM")
                  CONTENT("a &#233; &#128578;") END CONTAINER("2") SHORT("11:59 PM") CONTENT("b") END CONTAINER("3")
                      SHORT("12:01 AM") CONTENT("c") END_GROUP GROUP CONTAINER("4") HEADER("Bob", "11/21/2026 12:05 AM")
                          CONTENT("d") END_GROUP "</div>",
              "2026-11-20T23:58:00|Ann & <co>|a \xC3\xA9 \xF0\x9F\x99\x82|-\n"
              "2026-11-20T23:59:00|Ann & <co>|b|-\n"
              "2026-11-21T00:01:00|Ann & <co>|c|-\n"
              "2026-11-21T00:05:00|Bob|d|-\n",
              0);
    case_text(
        "markdown", "discord-html",
        PAGE GROUP CONTAINER("1") HEADER("Ann", "20.11.2026 12:06") CONTENT(
            "<strong>b <em>i</em></strong> <u>u</u> <s>s</s> <span class=\"chatlog__markdown-spoiler x\">p</span> "
            "<code class=\"chatlog__markdown-pre chatlog__markdown-pre--inline\">c</code>") END CONTAINER("2")
            SHORT("12:07") CONTENT(
                "<code class=\"chatlog__markdown-pre chatlog__markdown-pre--multiline nohighlight\">x\n  y</code>")
                END CONTAINER("3") SHORT("12:08")
                    CONTENT("<h1>One</h1><h3>Three</h3><ul><li>a</li><li>b <strong>c</strong></li></ul>end")
                        END CONTAINER("4") SHORT("12:09") CONTENT(
                            "<div class=chatlog__markdown-quote><div class=chatlog__markdown-quote-border></div>"
                            "<div class=chatlog__markdown-quote-content>q <em>r</em>\ns</div></div>"
                            "t <a href=http://x>http://x</a> <a href=\"http://y\">why</a>") END_GROUP,
        "2026-11-20T12:06:00|Ann|**b *i*** __u__ ~~s~~ ||p|| `c`|-\n"
        "2026-11-20T12:07:00|Ann|```\nx\n  y\n```|-\n"
        "2026-11-20T12:08:00|Ann|# One\n### Three\n- a\n- b **c**\nend|-\n"
        "2026-11-20T12:09:00|Ann|> q *r*\n> s\nt http://x [why](http://y)|-\n",
        0);
    case_text(
        "emoji, mentions, bots, replies, others' words", "discord-html",
        PAGE GROUP CONTAINER("100000") HEADER("Ann", "11/20/2026 12:06 PM") CONTENT(
            "<img class=chatlog__emoji alt=\xF0\x9F\x99\x82 title=slight_smile src=x> "
            "<img loading=lazy class=\"chatlog__emoji chatlog__emoji--large\" alt=kek title=kek src=y> "
            "<span class=chatlog__markdown-mention title=b>@Bob B</span>")
            END_GROUP GROUP CONTAINER(
                "200000") "<div class=chatlog__reply><div class=chatlog__reply-author>Ann</div><div class=chatlog__reply-content>"
                          "<span class=chatlog__reply-link onclick=\"scrollToMessage(event,'100000')\">"
                          "<span class=chatlog__markdown-preserve>not this</span></span></div></div>" HEADER(
                              "bot",
                              "11/20/2026 12:07 PM") "<span class=chatlog__author-tag>APP</span>" CONTENT("beep") "<div class=chatlog__embed><span class=chatlog__markdown-preserve>embed</span></div>" END_GROUP
                              GROUP CONTAINER("300000")
                                  HEADER("Ann", "11/20/2026 12:08 PM") "<div class=chatlog__forwarded>" CONTENT(
                                      "others' words") "</div>" END_GROUP GROUP
                                      CONTAINER(
                                          "400000") "<span class=chatlog__system-notification-author>Ann</span> pinned" END_GROUP,
        "2026-11-20T12:06:00|Ann|\xF0\x9F\x99\x82 :kek: @Bob B|-\n"
        "2026-11-20T12:07:00|bot|beep|0|bot\n",
        0);
    case_text(
        "cut inside of a message", "discord-html",
        PAGE GROUP CONTAINER("1") HEADER("Ann", "11/20/2026 12:06 PM") CONTENT("a") END_GROUP GROUP CONTAINER("2") HEADER(
            "Ann",
            "11/20/2026 12:07 PM") "<div class=\"chatlog__content chatlog__markdown\"><span class=chatlog__markdown-preserve>hal",
        "2026-11-20T12:06:00|Ann|a|-\n", 1);
}
// clang-format on

static void test_package(void) {
    case_text(
        "a channel as JSON", "discord-package",
        "[{\"ID\": 1572709909659648018, \"Timestamp\": \"2026-11-18 20:27:42\", \"Contents\": \"second <@5>\", \"Attachments\": \"\"},"
        "{\"ID\": 1572709909659648017, \"Timestamp\": \"2026-11-18 20:27:41\", \"Contents\": \"first\", \"Attachments\": \"\"},"
        "{\"ID\": 1572709909659648016, \"Timestamp\": \"2026-11-18 20:27:40\", \"Contents\": \"\", \"Attachments\": \"u\"}]",
        "2026-11-18T20:27:41|me|first|-\n2026-11-18T20:27:42|me|second @unknown|-\n", 0);
    case_text(
        "a channel as CSV", "discord-package",
        "ID,Timestamp,Contents,Attachments\n1572709909659648018,2020-11-30 23:30:03.690000+00:00,\"b, \"\"c\"\"\nd\",\n"
        "1572709909659648017,2020-11-30 23:30:02.690000+00:00,a,\n1572709909659648019,2020-11-30 23:30:04.690000+00:00\n",
        "2020-11-30T23:30:02Z|me|a|-\n2020-11-30T23:30:03Z|me|b, \"c\"\nd|-\n", 1);
}

int main(void) {
    test_json();
    test_json_faults();
    test_deep();
    test_csv();
    test_text();
    test_html();
    test_package();
    return test_end();
}
