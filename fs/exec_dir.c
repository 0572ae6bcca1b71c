/* SPDX-License-Identifier: MIT */
/*
 * A conversation belongs to the open `clone` file: it is there from that open until
 * its close, which kills a command that still runs. Its files are streams over the
 * command's pipes (or terminal).
 */
#include "fs/detour.h"
#include "fs/exec_i.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/containers.h"
#include "fs/dirs.h"
#include "fs/permission.h"
#include "fs/message.h"
#include "fs/reply.h"
#include "fs/stream.h"
#include "fs/words.h"
#include "util/fd.h"

struct execs *execs_new(void)
{
	struct execs *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	return all;
}

void conversation_unref(struct conversation *v)
{
	if (--v->refs)
		return;
	fd_close_at(&v->in);
	fd_close_at(&v->out);
	fd_close_at(&v->error);
	fd_close_at(&v->status);
	buf_fini(&v->status_text);
	pthread_mutex_destroy(&v->lock);
	free(v->pod_uid);
	free(v->container);
	free(v);
}

void execs_free(struct execs *all)
{
	struct conversation *next;

	if (!all)
		return;
	for (struct conversation *v = all->list; v; v = next) {
		next = v->next;
		conversation_unref(v);
	}
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* Of a node "<container>/<N>". Owned, NULL if it is over. */
struct conversation *conversation_of(struct fs *fs, const struct node *n)
{
	const char *slash = strchr(n->sub, '/');
	unsigned long number = slash ? strtoul(slash + 1, NULL, 10) : 0;
	struct conversation *v;

	pthread_mutex_lock(&fs->execs->lock);
	for (v = fs->execs->list; v; v = v->next)
		if (v->number == number && strcmp(v->pod_uid, n->uid) == 0 &&
		    strncmp(v->container, n->sub, (size_t)(slash - n->sub)) == 0) {
			v->refs++;
			break;
		}
	pthread_mutex_unlock(&fs->execs->lock);
	return v;
}

int may_exec(struct call *c, const struct node *n)
{
	struct access what = {"create", "", "pods", "exec", n->ns, n->name};

	return c->uid == 0 ? 0 : fs_check(c->fs, &call_who(c)->caller, &what, &c->err);
}

/* -- ctl -- */

static int parse_size(const char *text, unsigned *out, struct err *err)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n == 0 || n > 10000)
		return err_set(err, EINVAL, "%s: a number from 1 to 10000 is expected", text);
	*out = (unsigned)n;
	return 0;
}

static int set_tty(struct conversation *v, const struct words *w, struct err *err)
{
	struct winsize size = {0};

	if (w->n != 3)
		return err_set(err, EINVAL, "usage: tty ROWS COLUMNS");
	if (parse_size(w->word[1], &v->rows, err) < 0 ||
	    parse_size(w->word[2], &v->columns, err) < 0)
		return -EINVAL;
	v->tty = 1;
	size.ws_row = (unsigned short)v->rows;
	size.ws_col = (unsigned short)v->columns;
	if (v->started && v->in >= 0 && ioctl(v->in, TIOCSWINSZ, &size) < 0)
		return err_sys(err, errno, "terminal");
	return 0;
}

static int start_command(struct fs *fs, const struct node *n, struct conversation *v,
			 const struct words *w, struct err *err)
{
	char name[256];
	struct fs_container container = container_of(n, name);
	struct fs_exec e = {
		.argv = w->word + 1,
		.tty = v->tty,
		.rows = v->rows,
		.columns = v->columns,
		.in = -1,
		.out = -1,
		.error = -1,
		.status = -1,
	};
	int rc;

	if (w->n < 2)
		return err_set(err, EINVAL, "usage: exec COMMAND [ARGUMENT]...");
	if (v->started)
		return err_set(err, EBUSY, "this conversation has its command already");
	if (!fs->rooms.container_exec)
		return err_set(err, EOPNOTSUPP, "no runtime: no container runs here");
	rc = fs->rooms.container_exec(fs->rooms.runtime, &container, &e, err);
	if (rc < 0)
		return rc;
	v->started = 1;
	v->in = e.in;
	v->out = e.out;
	v->error = e.error;
	v->status = e.status;
	v->pid = e.pid;
	int fds[] = {e.in, e.out, e.error, e.status};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
	return 0;
}

static int run_line(struct message *m, struct conversation *v, const struct words *w,
		    struct err *err)
{
	if (strcmp(w->word[0], "tty") == 0)
		return set_tty(v, w, err);
	if (strcmp(w->word[0], "exec") == 0)
		return start_command(m->fs, m->node, v, w, err);
	return err_set(err, EINVAL,
		       "%s: no such verb: exec COMMAND [ARGUMENT]..., tty ROWS COLUMNS",
		       w->word[0]);
}

static int run_lines(struct message *m, struct err *err)
{
	struct conversation *v = conversation_of(m->fs, m->node);
	const char *at = m->text, *end = m->text + m->len;
	int rc = v ? 0 : err_set(err, ENOENT, "the conversation is over");

	while (rc == 0 && at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		struct words w;

		rc = words_split(at, (size_t)((nl ? nl : end) - at), &w, err);
		if (rc == 0 && w.n) {
			pthread_mutex_lock(&v->lock);
			rc = run_line(m, v, &w, err);
			pthread_mutex_unlock(&v->lock);
		}
		words_fini(&w);
		at = nl ? nl + 1 : end;
	}
	if (v)
		conversation_unref(v);
	return rc;
}

static void act_ctl(struct call *c, struct message *m)
{
	struct err err = ERR_INIT;
	int rc = run_lines(m, &err);

	(void)c;
	/* whoever waits for output may begin */
	streams_wake_all(m->fs->streams);
	message_done(m, rc, &err);
}

static int render_ctl(struct call *c, const struct node *n, const struct object *o, struct buf *out)
{
	(void)c;
	(void)n;
	(void)o;
	buf_adds(out, "exec COMMAND [ARGUMENT]...               # run a command in the container\n"
		      "tty ROWS COLUMNS                         # before exec: with a terminal; "
		      "after: its size\n");
	return 0;
}

/* -- clone -- */

struct clone_handle {
	struct handle h;
	struct conversation *v; /* owned reference */
};

static void clone_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u\n", ((struct clone_handle *)h)->v->number);

	reply_slice(c->req, text, (size_t)n, size, off);
}

static void forget_conversation(struct execs *all, struct conversation *v)
{
	pthread_mutex_lock(&all->lock);
	for (struct conversation **at = &all->list; *at; at = &(*at)->next)
		if (*at == v) {
			*at = v->next;
			conversation_unref(v);
			break;
		}
	pthread_mutex_unlock(&all->lock);
}

static void clone_release(struct handle *h)
{
	struct conversation *v = ((struct clone_handle *)h)->v;
	char text[64];

	pthread_mutex_lock(&v->lock);
	v->ended = 1;
	/* no status yet: the command runs, so its pid is its own */
	if (v->started && !v->status_text.len && v->pid > 0 && v->status >= 0 &&
	    read(v->status, text, sizeof(text)) < 0 && errno == EAGAIN)
		kill(v->pid, SIGKILL);
	pthread_mutex_unlock(&v->lock);
	forget_conversation(h->fs->execs, v);
	streams_wake_all(h->fs->streams);
	conversation_unref(v);
}

static const struct handle_ops clone_ops = {.read = clone_read, .release = clone_release};

/* Webhooks are asked before anything is opened: what will be run is not known yet. */
static int may_connect(struct call *c, const struct node *n, const char *container)
{
	CLEANUP_VALUE struct value *options = value_set_str(value_new_map(), "apiVersion", "v1");

	if (!detour_may_wait()) /* nobody had to be asked a moment ago, when this was begun */
		return 0;
	options = value_set_str(options, "kind", "PodExecOptions");
	options = value_set_str(options, "container", container);
	options = value_set_bool(options, "stdin", 1);
	options = value_set_bool(options, "stdout", 1);
	options = value_set_bool(options, "stderr", 1);
	return api_connect(c->fs->api, &call_who(c)->caller,
			   (struct objkey){n->kind, n->ns, n->name}, n->row->connects, options,
			   &c->err);
}

static struct handle *open_clone(struct call *c, struct node *n, int flags)
{
	struct conversation *v;
	struct handle *h;
	char name[256];

	container_of(n, name);
	if (may_exec(c, n) < 0)
		return NULL;
	if (may_connect(c, n, name) < 0)
		return NULL;
	v = xcalloc(1, sizeof(*v));
	pthread_mutex_init(&v->lock, NULL);
	v->refs = 2; /* the list's and the handle's */
	v->uid = c->uid;
	v->pod_uid = xstrdup(n->uid);
	v->container = xstrdup(name);
	v->in = v->out = v->error = v->status = -1;
	pthread_mutex_lock(&c->fs->execs->lock);
	v->number = ++c->fs->execs->last;
	v->next = c->fs->execs->list;
	c->fs->execs->list = v;
	pthread_mutex_unlock(&c->fs->execs->lock);
	h = handle_new(sizeof(struct clone_handle), &clone_ops, c, n, flags);
	((struct clone_handle *)h)->v = v;
	return h;
}

/* -- the table -- */

/* Its files are the opener's alone. */
static int stat_conversation(struct call *c, const struct node *n, struct stat *st)
{
	CLEANUP(conversation_unrefp) struct conversation *v = conversation_of(c->fs, n);

	if (!v)
		return err_set(&c->err, ESTALE, "the conversation is over");
	st->st_uid = v->uid;
	st->st_mode = (st->st_mode & S_IFMT) | n->row->mode;
	return 0;
}

#define CONVERSATION_DIR "<pod>/containers/<name>/exec/<N>/"

static const struct row row_exec_ctl = {
	.name = "ctl",
	.where = CONVERSATION_DIR,
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_PUBLIC | ROW_LIVE | ROW_ACT_WRITE | ROW_COMMANDS,
	.render = render_ctl,
	.act = act_ctl,
	.stat = stat_conversation,
	.reads = "the verbs and their usage",
	.writes = "`exec COMMAND [ARGUMENT]...`, `tty ROWS COLUMNS`",
	.errors = "EINVAL; EBUSY it has its command; ESRCH the container does not run; EACCES",
};
static const struct row row_stdin = {
	.name = "stdin",
	.where = CONVERSATION_DIR,
	.type = ROW_FILE,
	.mode = 0200,
	.flags = ROW_PUBLIC | ROW_LIVE,
	.open = exec_open_input,
	.stat = stat_conversation,
	.writes = "blocks while the command does not read; closing it is the end of input",
	.errors = "EPIPE the command closed its input; EAGAIN with O_NONBLOCK; EINTR",
};
static const struct row row_stdout = {
	.name = "stdout",
	.where = CONVERSATION_DIR,
	.type = ROW_FILE,
	.mode = 0400,
	.flags = ROW_PUBLIC | ROW_LIVE | ROW_STREAM,
	.open = exec_open_output,
	.stat = stat_conversation,
	.reads = "blocks; what the command writes, to its end",
	.errors = "EAGAIN with O_NONBLOCK; EINTR",
};
static const struct row row_stderr = {
	.name = "stderr",
	.where = CONVERSATION_DIR,
	.type = ROW_FILE,
	.mode = 0400,
	.flags = ROW_PUBLIC | ROW_LIVE | ROW_STREAM,
	.open = exec_open_output,
	.stat = stat_conversation,
	.reads = "as stdout; with a terminal everything is in stdout",
	.errors = "as stdout",
};
static const struct row row_exec_status = {
	.name = "status",
	.where = CONVERSATION_DIR,
	.type = ROW_FILE,
	.mode = 0400,
	.flags = ROW_PUBLIC | ROW_LIVE | ROW_STREAM,
	.open = exec_open_status,
	.stat = stat_conversation,
	.reads = "blocks until the command ended, then its exit status (128 + signal when it was "
		 "killed)",
	.errors = "as stdout",
};
static const struct row *const conversation_rows[] = {&row_exec_ctl, &row_stdin,       &row_stdout,
						      &row_stderr,   &row_exec_status, NULL};

static const struct row row_conversation = {
	.name = "<N>",
	.where = "<pod>/containers/<name>/exec/",
	.type = ROW_DIR,
	.mode = 0500,
	.flags = ROW_PUBLIC | ROW_LIVE,
	.rows = conversation_rows,
	.stat = stat_conversation,
	.reads = "a conversation: there while its `clone` is open",
};

static const struct row row_clone = {
	.name = "clone",
	.where = "<pod>/containers/<name>/exec/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_HIDDEN | ROW_OBJECT | ROW_STREAM,
	.open = open_clone,
	.connects = "exec",
	.read_as = "create:exec",
	.reads = "opening it makes a conversation, reading it gives its number, closing it ends it",
	.errors = "EACCES pods/exec is forbidden, or an admission webhook denied it",
};
static const struct row *const exec_dir_rows[] = {&row_clone, NULL};

static struct node *find_conversation(struct call *c, struct node *dir, const char *name)
{
	CLEANUP_FREE char *sub = xasprintf("%s/%s", dir->sub, name);
	struct node *n = node_get(
		dir, name,
		&(struct place){&row_conversation, dir->kind, dir->ns, dir->name, dir->uid, sub});
	CLEANUP(conversation_unrefp) struct conversation *v = conversation_of(c->fs, n);

	if (v)
		return n;
	node_unref(n);
	return NULL;
}

extern const struct row *const *const exec_rows[];

const struct row row_exec = {
	.name = "exec",
	.where = "<pod>/containers/<name>/",
	.type = ROW_DIR,
	.mode = 0555,
	.flags = ROW_HIDDEN | ROW_OBJECT,
	.rows = exec_dir_rows,
	.find = find_conversation,
	.reads = "`clone`, and a directory for each conversation that is open",
};
const struct row *const found_in_exec[] = {&row_clone, &row_conversation, NULL};
const struct row *const *const exec_rows[] = {found_in_exec, conversation_rows, NULL};
