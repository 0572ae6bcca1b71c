/* SPDX-License-Identifier: MIT */
/*
 * k8sfs-nft: applies one text of packet rules (nft(8) syntax) by libnftables and
 * ends. The daemon starts it for each of its few changes (at start, and for pods
 * with host ports) rather than keep the library and what it knows of the rules.
 *
 *	0	commands
 *	1	what they print; nothing but the first line of the error when they fail
 *
 * Exit status: 0, or 1 when the rules were refused. Only CAP_NET_ADMIN is kept.
 */
#include <linux/capability.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"

#define COMMANDS_MAX (16u << 20)

static int keep_net_admin_only(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct set[2] = {
		{.effective = 1u << CAP_NET_ADMIN, .permitted = 1u << CAP_NET_ADMIN}};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, set) < 0;
}

static int apply(struct nft_ctx *nft, const char *commands)
{
	const char *text;
	int rc;

	nft_ctx_buffer_error(nft);
	nft_ctx_buffer_output(nft);
	rc = nft_run_cmd_from_buffer(nft, commands);
	text = rc ? nft_ctx_get_error_buffer(nft) : nft_ctx_get_output_buffer(nft);
	if (fd_write_all(1, text, rc ? strcspn(text, "\n") : strlen(text)) < 0)
		return 1;
	return rc ? 1 : 0;
}

int main(void)
{
	CLEANUP(buf_fini) struct buf commands = BUF_INIT;
	struct nft_ctx *nft;
	int rc;

	if (keep_net_admin_only() ||
	    fd_read_file("/proc/self/fd/0", COMMANDS_MAX, &commands, NULL) < 0)
		return 2;
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		return 2;
	rc = apply(nft, buf_str(&commands));
	nft_ctx_free(nft);
	return rc;
}
