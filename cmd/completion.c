#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static void print_flags(const struct flag *flags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf(" --%s", flags[i].name);
}

/* case COMMAND in …) words="--a --b";; */
static void print_cases(void)
{
	for (size_t i = 0; i < n_commands; i++) {
		printf("\t%s) words=\"", commands[i].name);
		print_flags(commands[i].flags, commands[i].n_flags);
		print_flags(global_flags, n_global_flags);
		printf("\";;\n");
	}
}

static void print_bash(void)
{
	printf("# bash completion for etl, made by 'etl completion bash'\n"
	       "_etl() {\n"
	       "\tlocal words='' word command='' current=${COMP_WORDS[COMP_CWORD]}\n"
	       "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\tcase $word in");
	for (size_t i = 0; i < n_commands; i++)
		printf("%s%s", i ? "|" : " ", commands[i].name);
	printf(") command=$word; break;; esac\n\tdone\n\tcase $command in\n");
	print_cases();
	printf("\t*) words=\"");
	for (size_t i = 0; i < n_commands; i++)
		printf("%s ", commands[i].name);
	print_flags(global_flags, n_global_flags);
	printf("\";;\n\tesac\n"
	       "\t[[ $current == -* || -z $command ]] || words=''\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	       "}\n"
	       "complete -o default -F _etl etl\n");
}

/* A description within zsh's '…[description]…': its own brackets, colons and quotes escaped. */
static void print_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			putchar('\\');
		if (*text == '\'')
			printf("'\\''");
		else
			putchar(*text);
	}
}

static void print_zsh_flags(const struct flag *flags, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		printf(" '--%s[", flags[i].name);
		print_zsh_text(flags[i].help);
		printf("]%s%s%s'", flags[i].value ? ":" : "", flags[i].value ? flags[i].value : "",
			flags[i].value && strcmp(flags[i].value, "FILE") == 0 ? ":_files" : "");
	}
}

static void print_zsh(void)
{
	printf("#compdef etl\n# zsh completion for etl, made by 'etl completion zsh'\n"
	       "_etl() {\n\tlocal -a commands=(");
	for (size_t i = 0; i < n_commands; i++) {
		printf(" '%s:", commands[i].name);
		print_zsh_text(commands[i].summary);
		putchar('\'');
	}
	printf(")\n\tlocal command=${${(M)words[2,-1]:#(");
	for (size_t i = 0; i < n_commands; i++)
		printf("%s%s", i ? "|" : "", commands[i].name);
	printf(")}[1]}\n\tcase $command in\n");
	for (size_t i = 0; i < n_commands; i++) {
		printf("\t%s) _arguments", commands[i].name);
		print_zsh_flags(commands[i].flags, commands[i].n_flags);
		print_zsh_flags(global_flags, n_global_flags);
		printf(" '*:argument:_files';;\n");
	}
	printf("\t*) _describe command commands;;\n\tesac\n}\ncompdef _etl etl\n");
}

int cmd_completion(struct invocation *in, struct err *err)
{
	const char *shell = in->args[0];

	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else
		return err_set(err, ERR_USAGE, "'%s' is not bash or zsh", shell);
	return 0;
}
