// The commands of doppel. Each reads its own arguments (argv[0] is the command's name) and returns the exit code:
// 0 done, 1 the input or the machine failed, 2 usage, 130 interrupted. The table with their help is in main.c.
#ifndef DOPPEL_COMMANDS_H
#define DOPPEL_COMMANDS_H

int cmd_chat(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_tokenize(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_embed(int argc, char **argv);
int cmd_search(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_adapters(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_forget(int argc, char **argv);
int cmd_sessions(int argc, char **argv);
int cmd_train(int argc, char **argv);

#endif
