// JSON formats besides Discord's, and what every text goes through on its way in. Each case is one rule.
#include "tests/unit/corpus_case.h"

static void test_telegram(void) {
    case_text(
        "one chat", "telegram",
        "{\"name\": \"x\", \"type\": \"private_group\", \"id\": 5100000001, \"messages\": [\n"
        "{\"id\": 1, \"type\": \"service\", \"date\": \"2026-11-20T12:06:00\", \"actor\": \"Ann\", \"action\": \"create\", \"text\": \"\"},\n"
        "{\"id\": 2, \"type\": \"message\", \"date\": \"2026-11-20T12:06:01\", \"from\": \"Ann\", \"text\": \"a\"},\n"
        "{\"id\": 3, \"type\": \"message\", \"date\": \"2026-11-20T12:06:02\", \"from\": null, \"reply_to_message_id\": 2, \"text\": "
        "[\"x \", {\"type\": \"mention_name\", \"text\": \"Bob\"}, {\"type\": \"mention_name\", \"text\": \"@Cy\"}, {\"type\": \"bold\", "
        "\"text\": \"!\"}]},\n"
        "{\"id\": 4, \"type\": \"message\", \"date\": \"2026-11-20T12:06:03\", \"from\": \"Ann\", \"forwarded_from\": null, \"text\": \"f\"},\n"
        "{\"id\": 5, \"type\": \"message\", \"date\": 17, \"from\": \"Ann\", \"text\": \"late\"},\n"
        "{\"id\": 6, \"type\": \"message\", \"date\": \"2026-11-20T12:06:03\", \"from\": \"Ann\", \"text\": {\"a\": 1}}\n]}",
        "2026-11-20T12:06:01|Ann|a|-\n2026-11-20T12:06:02|Deleted Account|x @Bob@Cy!|0\n-|Ann|late|-\n", 1);
    case_text(
        "an account; ids belong to their chat", "telegram",
        "{\"about\": \"x\", \"personal_information\": {\"user_id\": 1}, \"chats\": {\"about\": \"y\", \"list\": ["
        "{\"name\": \"A\", \"type\": \"personal_chat\", \"id\": 1, \"messages\": [{\"id\": 1, \"type\": \"message\", \"date\": "
        "\"2026-11-20T12:06:01\", \"from\": \"Ann\", \"text\": \"a\"}]},"
        "{\"type\": \"saved_messages\", \"id\": 2, \"messages\": [{\"id\": 2, \"type\": \"message\", \"date\": "
        "\"2026-11-20T12:06:02\", \"from\": \"Bob\", \"reply_to_message_id\": 1, \"text\": \"b\"},{\"id\": 3, \"type\": \"message\", \"date\": "
        "\"2026-11-20T12:06:02\", \"from\": \"Bob\", \"reply_to_message_id\": 2, \"text\": \"c\"}]}]}}",
        "2026-11-20T12:06:01|Ann|a|-\n2026-11-20T12:06:02|Bob|b|-\n2026-11-20T12:06:02|Bob|c|1\n", 0);
}

static void test_slack_day(void) {
    case_text(
        "one day", "slack",
        "[{\"type\": \"message\", \"user\": \"U2\", \"text\": \"b &lt;3 &amp;amp; <@U1> <#C1|general> <#C2> <!here> <!subteam^S1|@crew> "
        "<https://x.y/?a=1&amp;b=2> <https://x.y|label> <mailto:a@b.c|a@b.c>\", \"ts\": \"1795216801.000200\", \"thread_ts\": "
        "\"1795216800.000100\"},"
        "{\"type\": \"message\", \"user\": \"U1\", \"text\": \"a\", \"ts\": \"1795216800.000100\", \"thread_ts\": \"1795216800.000100\"},"
        "{\"type\": \"message\", \"subtype\": \"channel_join\", \"user\": \"U1\", \"text\": \"joined\", \"ts\": \"1795216802.000100\"},"
        "{\"type\": \"message\", \"subtype\": \"bot_message\", \"bot_id\": \"B1\", \"username\": \"beeper\", \"text\": \"beep\", \"ts\": "
        "\"1795216803.000100\"},"
        "{\"type\": \"message\", \"subtype\": \"me_message\", \"user\": \"U1\", \"text\": \"waves\", \"ts\": \"1795216804.000100\"}]",
        "2026-11-20T23:20:00Z|U1|a|-\n"
        "2026-11-20T23:20:01Z|U2|b <3 &amp; @unknown #general #unknown @here @crew https://x.y/?a=1&b=2 label a@b.c|0\n"
        "2026-11-20T23:20:03Z|beeper|beep|-|bot\n2026-11-20T23:20:04Z|U1|waves|-\n",
        0);
}

static void test_instruct(void) {
    case_text(
        "OpenAI chat", "openai-chat",
        "{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": \"a\", \"name\": \"ann\"}, "
        "{\"role\": \"assistant\", \"content\": null}, {\"role\": \"tool\", \"content\": \"t\"}, {\"role\": \"function\", \"content\": \"f\"}, "
        "{\"role\": \"developer\", \"content\": \"d\"}, {\"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"p\"}, "
        "{\"type\": \"image_url\", \"image_url\": {}}, {\"type\": \"text\", \"text\": \"q\"}]}]}\n\n"
        "{\"messages\": [{\"role\": \"user\", \"content\": \" b \"}]}\nnot json\n{\"messages\": 5}\n{\"messages\": [{\"role\": \"us",
        "-|ann|a|-\n-|assistant|p\nq|-\n-|user|b|-\n", 3);
    case_text("a broken first line", "openai-chat",
              "{\"messages\": [{\"role\"\n{\"messages\": [{\"role\": \"user\", \"content\": \"b\"}]}\n", "-|user|b|-\n",
              1);
    case_text(
        "ShareGPT as an array", "sharegpt",
        "[{\"id\": \"1\", \"conversations\": [{\"from\": \"system\", \"value\": \"s\"}, {\"from\": \"human\", \"value\": \"a\"}, {\"from\": "
        "\"gpt\", \"value\": \"b\"}, {\"from\": \"user\", \"value\": \"c\"}, {\"from\": \"bing\", \"value\": \"d\"}]}]",
        "-|user|a|-\n-|assistant|b|-\n-|user|c|-\n-|assistant|d|-\n", 0);
    case_text(
        "ShareGPT as lines", "sharegpt",
        "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}]}\n{\"conversations\": [{\"from\": \"chatgpt\", \"value\": \"b\"}]}\n",
        "-|user|a|-\n-|assistant|b|-\n", 0);
    case_text(
        "prompt and completion", "prompt-completion",
        "{\"prompt\": \"\", \"completion\": \" a\\n\"}\n{\"prompt\": \"p\", \"completion\": \"\"}\n{\"prompt\": \"q\", \"completion\": \"<:kek:1>\"}\n",
        "-|assistant|a|-\n-|user|p|-\n-|user|q|-\n-|assistant|:kek:|-\n", 0);
    case_text(
        "doppel's own", "messages",
        "{\"time\":\"2026-11-20T12:06:00+02:00\",\"author\":\"Ann\",\"text\":\"a <@1>\",\"reply_to\":null}\n"
        "{\"time\":null,\"author\":null,\"text\":\"b\",\"reply_to\":0}\n{\"time\":\"x\",\"author\":\"c\",\"text\":\"c\",\"reply_to\":9,\"bot\":true}\n",
        "2026-11-20T12:06:00+02:00|Ann|a <@1>|-\n-|-|b|0\n-|c|c|-|bot\n", 0);
    const char *other = "{\"name\": \"x\", \"version\": 3, \"dependencies\": {}}";
    case_fails("JSON of another kind", other, strlen(other), "JSON");
}

static void test_bytes(void) {
    case_text("a byte-order mark goes", "irc", "\xEF\xBB\xBF[12:06] <ann> a\xEF\xBB\xBF\n", "-|ann|a\xEF\xBB\xBF|-\n",
              0);
    case_text("CRLF and CR", "irc", "[12:06] <ann> a\r\n[12:07] <bob> b\r[12:08] <cy> c\r\n",
              "-|ann|a|-\n-|bob|b|-\n-|cy|c|-\n", 0);
    case_text(
        "invalid bytes one by one", "irc",
        "[12:06] <ann> a\xff\xc3(\xe2\x82 \xed\xa0\x80 and a line that is long enough to be mostly text\n",
        "-|ann|a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD and a line that is long enough to be mostly text|-\n",
        0);
    case_text("nothing else is normalised", "irc",
              "[12:06] <ann> e\xCC\x81 \xE2\x80\x8D \xC2\xA0\xE3\x80\x80\xC2\xA0\n[12:07] <ann> \xD9\x85\n",
              "-|ann|e\xCC\x81 \xE2\x80\x8D \xC2\xA0\xE3\x80\x80\xC2\xA0|-\n-|ann|\xD9\x85|-\n", 0);
    static const char nul[] = "[12:06] <ann> a\0b and some more text\n[12:07] <bob> c\n";
    corpus_report r =
        case_options("NUL bytes go", nul, sizeof nul - 1, NULL, "-|ann|ab and some more text|-\n-|bob|c|-\n");
    corpus_report_free(&r);
    static const char le[] = "\xff\xfe[\0001\0002\0:\0000\0006\0]\0 \0<\0a\0>\0 \0=\xd8\x42\xde\0\xd8\n\0";
    r = case_options("UTF-16, little end first", le, sizeof le - 1, NULL, "-|a|\xF0\x9F\x99\x82\xEF\xBF\xBD|-\n");
    corpus_report_free(&r);
    static const char be[] = "\xfe\xff\0[\0001\0002\0:\0000\0006\0]\0 \0<\0a\0>\0 \0\xe9\0\r\0\n";
    r = case_options("UTF-16, big end first", be, sizeof be - 1, NULL, "-|a|\xC3\xA9|-\n");
    corpus_report_free(&r);
    case_text("Latin-1 that says so", "irc", "# charset=ISO-8859-1\n[12:06] <ann> caf\xe9 \x93q\x94\n[12:06] <ann> x\n",
              "-|ann|caf\xC3\xA9 \xE2\x80\x9Cq\xE2\x80\x9D|-\n-|ann|x|-\n", 1);
    case_text("says Latin-1 but is UTF-8", "irc", "# coding: latin-1\n[12:06] <ann> caf\xC3\xA9\n[12:06] <ann> x\n",
              "-|ann|caf\xC3\xA9|-\n-|ann|x|-\n", 1);
}

static void test_no_text(void) {
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    case_fails("a picture", png, sizeof png - 1, "PNG");
    case_fails("empty", "", 0, "empty");
    case_fails("blank", " \n\n", 3, "no messages");
    char noise[400];
    for (int i = 0; i < 400; i++) noise[i] = (char)(i % 7 ? 'a' + i % 26 : 0x80 + i % 64);
    case_fails("one byte in seven is invalid", noise, sizeof noise, "no text");
    for (int i = 0; i < 400; i++) noise[i] = (char)(i % 7 ? 'a' + i % 26 : 0);
    case_fails("one byte in seven is NUL", noise, sizeof noise, "no text");
}

int main(void) {
    test_telegram();
    test_slack_day();
    test_instruct();
    test_bytes();
    test_no_text();
    return test_end();
}
