/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a TLSA RRset over time (RFC 7671 8): what is on disk comes at once, what was leaves late. */
#include "mailzone/cert.h"

#include <stdlib.h>
#include <string.h>

static bool is_among(const uint8_t (*list)[MZ_SPKI_DIGEST], size_t count,
		     const uint8_t digest[MZ_SPKI_DIGEST])
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp(list[i], digest, MZ_SPKI_DIGEST) == 0)
			return true;
	}
	return false;
}

static enum mz_tlsa_role role_of(const struct mz_rollover_disk *disk, enum mz_tlsa_usage usage,
				 const uint8_t digest[MZ_SPKI_DIGEST])
{
	if (usage == MZ_TLSA_ISSUER)
		return is_among(disk->issuer, disk->issuer_count, digest) ? MZ_TLSA_USED
									  : MZ_TLSA_OLD;
	if (is_among(disk->leaf, disk->leaf_count, digest))
		return MZ_TLSA_USED;
	return is_among(disk->next, disk->next_count, digest) ? MZ_TLSA_NEXT : MZ_TLSA_OLD;
}

static const struct mz_tlsa_key *find(const struct mz_tlsa_set *set, enum mz_tlsa_usage usage,
				      const uint8_t digest[MZ_SPKI_DIGEST])
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->key[i].usage == usage &&
		    memcmp(set->key[i].digest, digest, MZ_SPKI_DIGEST) == 0)
			return &set->key[i];
	}
	return NULL;
}

const struct mz_tlsa_key *mz_rollover_find(const struct mz_tlsa_set *set,
					   const uint8_t digest[MZ_SPKI_DIGEST])
{
	return find(set, MZ_TLSA_SERVER, digest);
}

static void drop(struct mz_tlsa_set *set, size_t i)
{
	set->count--;
	memmove(&set->key[i], &set->key[i + 1], (set->count - i) * sizeof(set->key[0]));
}

/* Makes room for one more: false when every key is on disk. */
static bool make_room(struct mz_tlsa_set *set)
{
	size_t oldest = set->count;

	if (set->count < MZ_TLSA_KEYS)
		return true;
	for (size_t i = 0; i < set->count; i++) {
		if (set->key[i].role == MZ_TLSA_OLD &&
		    (oldest == set->count || set->key[i].since < set->key[oldest].since))
			oldest = i;
	}
	if (oldest == set->count)
		return false;
	drop(set, oldest);
	return true;
}

static int add_new(struct mz_tlsa_set *set, const struct mz_rollover_disk *disk,
		   enum mz_tlsa_usage usage, const uint8_t (*list)[MZ_SPKI_DIGEST], size_t count,
		   uint32_t ttl, int64_t now)
{
	for (size_t i = 0; i < count; i++) {
		struct mz_tlsa_key *key = NULL;

		if (find(set, usage, list[i]) != NULL)
			continue;
		if (!make_room(set))
			return MZ_ESPACE;
		key = &set->key[set->count++];
		*key = (struct mz_tlsa_key){.usage = usage,
					    .role = role_of(disk, usage, list[i]),
					    .since = now,
					    .ttl = ttl};
		memcpy(key->digest, list[i], MZ_SPKI_DIGEST);
	}
	return MZ_OK;
}

static int by_digest(const void *a, const void *b)
{
	const struct mz_tlsa_key *x = a, *y = b;

	return x->usage != y->usage ? (int)x->usage - (int)y->usage
				    : memcmp(x->digest, y->digest, MZ_SPKI_DIGEST);
}

int64_t mz_rollover_safe(const struct mz_tlsa_key *key, uint32_t ttl)
{
	if (key->served == 0)
		return 0;
	return key->served + 2 * (int64_t)(key->ttl > ttl ? key->ttl : ttl);
}

int64_t mz_rollover_leaves(const struct mz_tlsa_set *set, const struct mz_tlsa_key *old,
			   uint32_t ttl)
{
	int64_t at = old->since + 2 * (int64_t)ttl;
	bool used = false;

	for (size_t i = 0; i < set->count; i++) {
		const struct mz_tlsa_key *key = &set->key[i];
		uint32_t longest = key->ttl > ttl ? key->ttl : ttl;

		if (key->role != MZ_TLSA_USED)
			continue;
		if (key->served == 0)
			return 0;
		used = true;
		if (at < mz_rollover_safe(key, ttl))
			at = mz_rollover_safe(key, ttl);
		if (at < old->since + 2 * (int64_t)longest)
			at = old->since + 2 * (int64_t)longest;
	}
	return used ? at : 0;
}

int64_t mz_rollover_look(const struct mz_tlsa_set *set, uint32_t ttl)
{
	int64_t first = 0;

	for (size_t i = 0; i < set->count; i++) {
		int64_t at = set->key[i].role == MZ_TLSA_OLD
				     ? mz_rollover_leaves(set, &set->key[i], ttl)
				     : 0;

		if (at != 0 && (first == 0 || at < first))
			first = at;
	}
	return first;
}

/* Gives every known key the role that it has on disk. A key that is used from now on, though resolvers may
 * hold an RRset without it, is early. */
static void assign_roles(struct mz_tlsa_set *set, const struct mz_rollover_disk *disk, uint32_t ttl,
			 int64_t now, bool *early)
{
	for (size_t i = 0; i < set->count; i++) {
		struct mz_tlsa_key *key = &set->key[i];
		enum mz_tlsa_role role = role_of(disk, key->usage, key->digest);
		int64_t safe = mz_rollover_safe(key, ttl);

		if (role == key->role || (role == MZ_TLSA_OLD && disk->partly))
			continue;
		*early = *early || (role == MZ_TLSA_USED && key->usage == MZ_TLSA_SERVER &&
				    (safe == 0 || safe > now));
		key->role = role;
		key->since = now;
	}
}

/* Keys that were deleted before their time: a resolver, or a mail server, may still be of that time. */
static void come_back(struct mz_tlsa_set *set, const struct mz_rollover_disk *disk, uint32_t ttl,
		      int64_t now)
{
	for (size_t i = set->count; i > 0; i--) {
		struct mz_tlsa_key *key = &set->key[i - 1];
		uint32_t longest = key->ttl > ttl ? key->ttl : ttl;

		if (key->gone != 0 && key->gone + 2 * (int64_t)longest <= now && !disk->partly &&
		    role_of(disk, key->usage, key->digest) == MZ_TLSA_OLD)
			drop(set, i - 1);
		else
			key->gone = 0;
	}
}

static void let_leave(struct mz_tlsa_set *set, uint32_t ttl, int64_t now)
{
	for (size_t i = set->count; i > 0; i--) {
		const struct mz_tlsa_key *key = &set->key[i - 1];
		int64_t at = key->role == MZ_TLSA_OLD ? mz_rollover_leaves(set, key, ttl) : 0;

		if (at != 0 && at <= now)
			drop(set, i - 1);
	}
}

int mz_rollover_see(struct mz_tlsa_set *set, const struct mz_rollover_disk *disk, uint32_t ttl,
		    int64_t now, bool *early)
{
	bool known = set->count > 0;
	int err = MZ_OK;

	*early = false;
	come_back(set, disk, ttl, now);
	assign_roles(set, disk, ttl, now, early);
	for (size_t i = 0; i < disk->leaf_count && known; i++)
		*early = *early || mz_rollover_find(set, disk->leaf[i]) == NULL;
	err = add_new(set, disk, MZ_TLSA_SERVER, disk->leaf, disk->leaf_count, ttl, now);
	if (err == MZ_OK)
		err = add_new(set, disk, MZ_TLSA_SERVER, disk->next, disk->next_count, ttl, now);
	if (err == MZ_OK)
		err = add_new(set, disk, MZ_TLSA_ISSUER, disk->issuer, disk->issuer_count, ttl,
			      now);
	if (err == MZ_OK && !disk->expired && !disk->partly)
		let_leave(set, ttl, now);
	qsort(set->key, set->count, sizeof(set->key[0]), by_digest);
	return err;
}
