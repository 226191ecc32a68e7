/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the owners that matter among the many of a zone, without expanding names. Pure. */
#include "src/live/names.h"

#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 127
#define HOPS_MAX 127 /* compression pointers in a name: more are an attack on our time */
#define MEMO_SIZE 64 /* a power of two */
#define HASH_START 1

/* The names that pointers lead to are few, and are asked for again and again. */
struct memo {
	uint64_t message; /* the message it is of; 0: empty */
	size_t target;
	struct live_name name;
};

struct entry {
	const uint8_t *name; /* NULL: free */
	uint64_t hash;
	unsigned bits;
};

struct live_names {
	struct entry *entry;
	size_t mask; /* slots of the table less one */
	uint64_t message;
	const uint8_t *origin;
	const uint8_t *origin_label[LABELS_MAX]; /* from the right */
	uint8_t origin_depth;
	struct memo memo[MEMO_SIZE];
};

/* The labels of a name on the way to its root, and where pointers led to. */
struct path {
	size_t label[LABELS_MAX];
	size_t target[LABELS_MAX + 1];	     /* where a pointer led to before this label, or 0 */
	uint8_t target_hops[LABELS_MAX + 1]; /* pointers before that target, its own included */
	unsigned count;
	uint8_t hops;
	struct live_name base; /* what is right of the labels */
};

/* ---- hashing ------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

/* Setting bit 5 makes letters lower case, and other octets collide a little. No seed: the table
 * holds our own names only, so that a hostile zone can cost us a comparison, not a chain. */
static uint64_t hash_label(uint64_t hash, const uint8_t *label)
{
	size_t n = label[0];
	const uint8_t *p = label + 1;
	uint64_t word = 0;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		hash = mix(hash, word | 0x2020202020202020u);
	}
	for (word = n; n > 0; n--, p++)
		word = word << 8 | *p | 0x20u;
	return mix(hash, word);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool label_equal(const uint8_t *a, const uint8_t *b)
{
	size_t i = 0;

	if (a[0] != b[0])
		return false;
	for (i = 1; i <= a[0]; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* Adds one label to the left of what `name` says. False: the name gets too long. */
static bool grow(const struct live_names *names, struct live_name *name, const uint8_t *label)
{
	if (name->len + label[0] + 1u > MZ_NAME_MAX)
		return false;
	if (name->matched == name->depth && name->depth < names->origin_depth &&
	    label_equal(label, names->origin_label[name->depth]))
		name->matched++;
	name->hash = hash_label(name->hash, label);
	name->len = (uint16_t)(name->len + label[0] + 1u);
	name->depth++;
	return true;
}

/* ---- walking a name of a message ----------------------------------------------------------- */

static const struct live_name *recall(const struct live_names *names, size_t target)
{
	const struct memo *memo = &names->memo[target % MEMO_SIZE];

	return memo->message == names->message && memo->target == target ? &memo->name : NULL;
}

static void remember(struct live_names *names, size_t target, const struct live_name *name)
{
	names->memo[target % MEMO_SIZE] =
		(struct memo){.message = names->message, .target = target, .name = *name};
}

/* Collects the labels up to the root or to a name that is known already. Pointers must lead
 * backwards, each further than the last. */
static bool collect(const struct live_names *names, const struct mz_reader *r, size_t pos,
		    struct path *path)
{
	const struct live_name *known = NULL;
	size_t floor = pos;

	path->count = 0;
	path->hops = 0;
	path->target[0] = 0;
	path->target_hops[0] = 0;
	path->base = (struct live_name){.hash = HASH_START, .len = 1};
	for (;;) {
		if (pos >= r->len)
			return false;
		if (r->wire[pos] == 0)
			return true;
		if (r->wire[pos] >= 0xc0) {
			if (r->len - pos < 2 || ++path->hops > HOPS_MAX)
				return false;
			pos = mz_get16(r->wire + pos) & 0x3fffu;
			if (pos >= floor || pos < MZ_MSG_HEADER)
				return false;
			floor = pos;
			known = recall(names, pos);
			if (known != NULL) {
				path->base = *known;
				return path->hops + known->hops <= HOPS_MAX;
			}
			path->target[path->count] = pos;
			path->target_hops[path->count] = path->hops;
			continue;
		}
		if (r->wire[pos] > 63 || r->len - pos <= r->wire[pos] || path->count == LABELS_MAX)
			return false;
		path->label[path->count++] = pos;
		path->target[path->count] = 0;
		path->target_hops[path->count] = 0;
		pos += r->wire[pos] + 1u;
	}
}

bool live_names_look(struct live_names *names, const struct mz_reader *r, size_t offset,
		     struct live_name *out)
{
	struct path path;
	uint8_t hops = 0;
	unsigned i = 0;

	if (!collect(names, r, offset, &path))
		return false;
	*out = path.base;
	hops = (uint8_t)(path.hops + path.base.hops);
	for (i = path.count; i > 0; i--) {
		if (!grow(names, out, r->wire + path.label[i - 1]))
			return false;
		out->hops = (uint8_t)(hops - path.target_hops[i - 1]);
		if (path.target[i - 1] != 0)
			remember(names, path.target[i - 1], out);
	}
	out->hops = hops;
	return true;
}

void live_names_message(struct live_names *names)
{
	names->message++;
}

bool live_names_inside(const struct live_names *names, const struct live_name *name)
{
	return name->matched == names->origin_depth;
}

bool live_names_apex(const struct live_names *names, const struct live_name *name)
{
	return name->matched == names->origin_depth && name->depth == names->origin_depth;
}

/* ---- the table ----------------------------------------------------------------------------- */

static struct entry *entry_of(const struct live_names *names, uint64_t hash, const uint8_t *name)
{
	size_t i = hash & names->mask;

	while (names->entry[i].name != NULL &&
	       (names->entry[i].hash != hash || !mz_name_equal(names->entry[i].name, name)))
		i = (i + 1) & names->mask;
	return &names->entry[i];
}

/* Most names are not in the table: they are told by their hash alone. */
static bool maybe(const struct live_names *names, uint64_t hash)
{
	size_t i = hash & names->mask;

	while (names->entry[i].name != NULL) {
		if (names->entry[i].hash == hash)
			return true;
		i = (i + 1) & names->mask;
	}
	return false;
}

unsigned live_names_find(const struct live_names *names, const struct mz_reader *r, size_t offset,
			 const struct live_name *name, struct mz_name *owner)
{
	if (!maybe(names, name->hash) || mz_reader_name(r, offset, owner) != MZ_OK)
		return 0;
	return entry_of(names, name->hash, owner->wire)->bits;
}

/* The hash of a name in memory, the same as that of the name in a message. */
static uint64_t hash_wire(const uint8_t *wire)
{
	const uint8_t *label[LABELS_MAX];
	uint64_t hash = HASH_START;
	unsigned count = 0;

	for (; *wire != 0 && count < LABELS_MAX; wire += *wire + 1u)
		label[count++] = wire;
	while (count > 0)
		hash = hash_label(hash, label[--count]);
	return hash;
}

static void mark(struct live_names *names, const uint8_t *wire, unsigned bits)
{
	uint64_t hash = hash_wire(wire);
	struct entry *entry = entry_of(names, hash, wire);

	entry->name = wire;
	entry->hash = hash;
	entry->bits |= bits;
}

/* The owner and its ancestors: they are tails of the same octets. */
static void mark_owner(struct live_names *names, const uint8_t *owner)
{
	mark(names, owner, LIVE_NAME_SLOT);
	while (!mz_name_equal(owner, names->origin)) {
		owner = mz_name_parent(owner);
		mark(names, owner, LIVE_NAME_ANCESTOR);
	}
}

static bool new_owner(const struct mz_rrlist *slots, size_t i)
{
	return i == 0 || !mz_name_equal(slots->rr[i].owner, slots->rr[i - 1].owner);
}

/* How many names the table may get; 0 when an owner is outside the origin. */
static size_t count_names(const struct live_names *names, const struct mz_rrlist *slots)
{
	size_t count = 1;
	size_t i = 0;

	for (i = 0; i < slots->count; i++) {
		const uint8_t *owner = slots->rr[i].owner;

		if (!new_owner(slots, i))
			continue;
		if (!mz_name_within(owner, names->origin))
			return 0;
		for (count++; !mz_name_equal(owner, names->origin); owner = mz_name_parent(owner))
			count++;
	}
	return count;
}

static void set_origin(struct live_names *names, const uint8_t *origin)
{
	const uint8_t *label[LABELS_MAX];
	uint8_t count = 0;
	uint8_t i = 0;

	names->origin = origin;
	for (; *origin != 0 && count < LABELS_MAX; origin += *origin + 1u)
		label[count++] = origin;
	for (i = 0; i < count; i++)
		names->origin_label[i] = label[count - 1 - i];
	names->origin_depth = count;
}

int live_names_new(struct live_names **out, const uint8_t *origin, const struct mz_rrlist *slots)
{
	struct live_names *names = calloc(1, sizeof *names);
	size_t size = 16;
	size_t count = 0;
	size_t i = 0;

	*out = NULL;
	if (names == NULL)
		return MZ_ENOMEM;
	names->message = 1;
	set_origin(names, origin);
	count = count_names(names, slots);
	while (size < 2 * count)
		size *= 2;
	names->mask = size - 1;
	names->entry = calloc(size, sizeof names->entry[0]);
	if (names->entry == NULL || count == 0) {
		int err = names->entry == NULL ? MZ_ENOMEM : MZ_EINVAL;

		live_names_free(names);
		return err;
	}
	for (i = 0; i < slots->count; i++)
		if (new_owner(slots, i))
			mark_owner(names, slots->rr[i].owner);
	*out = names;
	return MZ_OK;
}

void live_names_free(struct live_names *names)
{
	if (names == NULL)
		return;
	free(names->entry);
	free(names);
}
