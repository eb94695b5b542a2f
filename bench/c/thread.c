/*
 * thread: the yardstick. The algorithm of shaders/thread-sim/assembly, written for AVX-512: a wave over up to 2048
 * trees, 16 threads at a time. Entries that wait lie field by field, since a compress packs 16 of a field at once.
 * Without AVX-512 the trees are walked one by one, depth first: correct, and several times slower.
 *
 *     cc -O3 -march=native -o thread thread.c
 *     ./thread START LENGTH max_depth max_children spawn_threshold work_min work_max max_threads seed
 *
 * START + LENGTH <= 2^32. Computes the roots START ... START + LENGTH - 1 until a second of CPU time is used and prints
 * {"units", "threads", "cpu_ns", "result"}; `threads` counts what was computed, also of oversize trees.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTHS 33
#define SIZES 25
#define MACHINES 11

typedef uint32_t u32;
typedef uint64_t u64;

static u32 seed0, seed1, max_depth, max_children, threshold, work_min, work_range, max_threads;

/* All that the workload asks of a range. Not static, so that what is not printed is computed too. */
u64 oversize, threads, work, span, depths[DEPTHS], sizes[SIZES], lowers[MACHINES], uppers[MACHINES];
u64 largest[3], largest_at[3];
static u64 computed;

static void compare(int kind, u64 value, u64 root) {
  if (value <= largest[kind]) return;
  largest[kind] = value;
  largest_at[kind] = root;
}

#ifdef __AVX512BW__
#include <immintrin.h>

#define BLOCK 128
#define TREES 2048
#define CAPACITY (5 * BLOCK + 64)
#define M_SHIFT 28
#define ALIGNED __attribute__((aligned(64)))

typedef __m512i vec;

/* Threads that wait at one depth: the parent's a and b, m above the start (28 bits), the tree. */
struct stack {
  u32 a[CAPACITY], b[CAPACITY], place[CAPACITY], tree[CAPACITY];
  u32 count;
  /* How many trees were known to be oversize when their entries were last dropped here. */
  u32 cleared;
};

/* Children are counted together with their parent; bit 31 of `threads` is set once there are too many. */
struct record {
  u64 work;
  u32 threads, span;
};

static struct stack stacks[DEPTHS] ALIGNED;
/* One more, for what fills up a last 16. */
static struct record records[TREES + 16] ALIGNED;
static u32 counts[DEPTHS][TREES + 16] ALIGNED;
static struct stack first ALIGNED;
static u32 no_threads, overflows;
static int may_overflow;

#define SPLAT(x) _mm512_set1_epi32((int)(x))
#define ADD(x, y) _mm512_add_epi32(x, y)
#define ROUND(r) x = ADD(x, y), y = _mm512_xor_si512(_mm512_rol_epi32(y, r), x)
#define KEYS(k, l, i) x = ADD(x, k), y = ADD(y, ADD(l, SPLAT(i)))
#define EVEN ROUND(13), ROUND(15), ROUND(26), ROUND(6)
#define ODD ROUND(17), ROUND(29), ROUND(16), ROUND(24)

static inline void threefry(vec m, vec key0, vec key1, vec *a, vec *b) {
  vec key2 = _mm512_ternarylogic_epi32(key0, key1, SPLAT(0x1bd11bda), 0x96);
  vec x = ADD(m, key0), y = key1;
  EVEN, KEYS(key1, key2, 1);
  ODD, KEYS(key2, key0, 2);
  EVEN, KEYS(key0, key1, 3);
  ODD, KEYS(key1, key2, 4);
  EVEN, KEYS(key2, key0, 5);
  *a = x;
  *b = y;
}

static inline vec ticks_of(vec a) {
  /* a mod work_range: the quotient is the high half of a * inverse or one more. */
  vec inverse = SPLAT(0xffffffffu / work_range), range = SPLAT(work_range);
  vec even = _mm512_srli_epi64(_mm512_mul_epu32(a, inverse), 32);
  vec odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), inverse);
  vec rest = _mm512_sub_epi32(a, _mm512_mullo_epi32(_mm512_mask_mov_epi32(even, 0xaaaa, odd), range));
  return ADD(_mm512_min_epu32(rest, _mm512_sub_epi32(rest, range)), SPLAT(work_min));
}

static inline __m128i add_to(u32 tree, const void *addend) {
  __m128i *record = (__m128i *)&records[tree];
  __m128i old = _mm_load_si128(record), value = _mm_load_si128((const __m128i *)addend);
  /* Three lanes are added, the last is a maximum. */
  __m128i sum = _mm_mask_max_epu32(_mm_add_epi64(old, value), 8, old, value);
  _mm_store_si128(record, sum);
  return sum;
}

/* Threads `from` to `to` of a stack; their children go to the stack below. */
static inline __attribute__((always_inline)) void block(int root, int width, int counting, struct stack *s, u32 from,
                                                        u32 to, struct stack *below, u32 *row) {
  const __m512 reciprocals = _mm512_setr_ps(1, 1.f / 2, 1.f / 3, 1.f / 4, 1.f / 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  u64 chances = 0x1111111111111111 * ((1u << max_children) - 1);
  __m128i past = _mm_setzero_si128();
  u32 top = width ? below->count : 0;
  for (u32 at = from; at < to; at += 16) {
    vec key0 = _mm512_loadu_si512(s->a + at), key1 = _mm512_loadu_si512(s->b + at);
    vec place = _mm512_loadu_si512(s->place + at), trees = _mm512_loadu_si512(s->tree + at);
    vec m = root ? place : _mm512_srli_epi32(place, M_SHIFT);
    vec start = root ? _mm512_setzero_si512() : _mm512_and_si512(place, SPLAT((1 << M_SHIFT) - 1));
    vec a, b;
    threefry(m, key0, key1, &a, &b);
    vec ticks = ticks_of(a), end = ADD(start, ticks), k = _mm512_setzero_si512();
    if (width) {
      __mmask64 hits = _mm512_cmple_epu8_mask(b, _mm512_set1_epi8((char)(threshold - 1)));
      vec ones = _mm512_maskz_set1_epi8(hits & chances, 1);
      k = _mm512_madd_epi16(_mm512_maddubs_epi16(ones, _mm512_set1_epi8(1)), _mm512_set1_epi16(1));
    }
    /* {work, children, end} of each: of threads 0, 4, 8, 12 in the first vector, and so on. */
    u32 addends[64] ALIGNED;
    vec zero = _mm512_setzero_si512();
    vec low = _mm512_unpacklo_epi32(ticks, zero), high = _mm512_unpackhi_epi32(ticks, zero);
    vec low_rest = _mm512_unpacklo_epi32(k, end), high_rest = _mm512_unpackhi_epi32(k, end);
    _mm512_store_si512(addends, _mm512_unpacklo_epi64(low, low_rest));
    _mm512_store_si512(addends + 16, _mm512_unpackhi_epi64(low, low_rest));
    _mm512_store_si512(addends + 32, _mm512_unpacklo_epi64(high, high_rest));
    _mm512_store_si512(addends + 48, _mm512_unpackhi_epi64(high, high_rest));
    u32 ks[16] ALIGNED;
    if (counting) _mm512_store_si512(ks, k);
#pragma GCC unroll 16
    for (u32 i = 0; i < 16; i++) {
      u32 tree = s->tree[at + i];
      __m128i sum = add_to(tree, addends + 16 * (i % 4) + 4 * (i / 4));
      if (counting) {
        past = _mm_or_si128(past, sum);
        row[tree] += ks[i];
      }
    }
    if (!width) continue;
    __m512 part = _mm512_mul_ps(_mm512_cvtepi32_ps(ticks), _mm512_permutexvar_ps(k, reciprocals));
#pragma GCC unroll 4
    for (int child = 0; child < width; child++) {
      __mmask16 forked = _mm512_cmpgt_epi32_mask(k, SPLAT(child));
      /* ticks * (child + 1) / (k + 1), fifths at the finest: 0.1 is half of one, and more than all rounding errors. */
      __m512 offset = _mm512_fmadd_ps(part, _mm512_set1_ps((float)(child + 1)), _mm512_set1_ps(0.1f));
      vec where = ADD(start, _mm512_cvttps_epi32(offset));
      if (child) where = ADD(where, SPLAT((u32)child << M_SHIFT));
      _mm512_storeu_si512(below->a + top, _mm512_maskz_compress_epi32(forked, a));
      _mm512_storeu_si512(below->b + top, _mm512_maskz_compress_epi32(forked, b));
      _mm512_storeu_si512(below->place + top, _mm512_maskz_compress_epi32(forked, where));
      _mm512_storeu_si512(below->tree + top, _mm512_maskz_compress_epi32(forked, trees));
      top += (u32)__builtin_popcount(forked);
    }
  }
  if (width) below->count = top;
  if (counting) overflows += (u32)_mm_extract_epi32(past, 2) >> 31;
}

#define VARIANT(name, root, width, counting)                                                             \
  static __attribute__((noinline)) void name(struct stack *s, u32 from, u32 to, struct stack *below, u32 *row) { \
    block(root, width, counting, s, from, to, below, row);                                               \
  }
VARIANT(leaves, 0, 0, 0)
VARIANT(roots, 1, 4, 1)
VARIANT(grow1, 0, 1, 0)
VARIANT(grow2, 0, 2, 0)
VARIANT(grow3, 0, 3, 0)
VARIANT(grow4, 0, 4, 0)
VARIANT(count1, 0, 1, 1)
VARIANT(count2, 0, 2, 1)
VARIANT(count3, 0, 3, 1)
VARIANT(count4, 0, 4, 1)
typedef void variant(struct stack *, u32, u32, struct stack *, u32 *);
static variant *const grow[2][5] = {{0, grow1, grow2, grow3, grow4}, {0, count1, count2, count3, count4}};

/* Fills up the last 16 of a stack with threads of no tree. */
static u32 pad(struct stack *s) {
  u32 whole = (s->count + 15) & ~15u;
  for (u32 i = s->count; i < whole; i++) s->a[i] = s->b[i] = s->place[i] = 0, s->tree[i] = TREES;
  return whole;
}

/* Drops, from `from` on, the entries of oversize trees and the padding's children, which lie among the others. */
static void drop(struct stack *s, u32 from) {
  u32 kept = from;
  for (u32 i = from; i < s->count; i += 16) {
    u32 left = s->count - i;
    __mmask16 there = (__mmask16)(left < 16 ? (1u << left) - 1 : 0xffff);
    vec a = _mm512_loadu_si512(s->a + i), b = _mm512_loadu_si512(s->b + i);
    vec place = _mm512_loadu_si512(s->place + i), trees = _mm512_maskz_loadu_epi32(there, s->tree + i);
    vec counted = _mm512_i32gather_epi32(_mm512_slli_epi32(trees, 4), &records[0].threads, 1);
    there = _mm512_mask_cmpneq_epi32_mask(there, trees, SPLAT(TREES));
    there = _mm512_mask_cmpge_epi32_mask(there, counted, _mm512_setzero_si512());
    /* Never past what was read: kept <= i. */
    _mm512_storeu_si512(s->a + kept, _mm512_maskz_compress_epi32(there, a));
    _mm512_storeu_si512(s->b + kept, _mm512_maskz_compress_epi32(there, b));
    _mm512_storeu_si512(s->place + kept, _mm512_maskz_compress_epi32(there, place));
    _mm512_storeu_si512(s->tree + kept, _mm512_maskz_compress_epi32(there, trees));
    kept += (u32)__builtin_popcount(there);
  }
  s->count = kept;
}

static u32 waiting(struct stack *s) {
  if (s->cleared != overflows) {
    drop(s, 0);
    s->cleared = overflows;
  }
  return s->count;
}

static void start(u32 root, u32 some, u32 tree) {
  first.count = some;
  for (u32 i = 0; i < some; i++) {
    first.a[i] = seed0, first.b[i] = seed1, first.place[i] = root + i, first.tree[i] = tree + i;
    records[tree + i] = (struct record){0, no_threads + 1, 0};
  }
  u32 whole = pad(&first), before = stacks[1].count;
  records[TREES] = (struct record){0, 0, 0};
  roots(&first, 0, whole, &stacks[1], counts[1]);
  if (whole != some) drop(&stacks[1], before);
  computed += some;
  depths[0] += may_overflow ? 0 : some;
}

static void take(u32 depth) {
  struct stack *s = &stacks[depth], *below = &stacks[depth + 1];
  u32 whole = s->count, some = whole < BLOCK ? whole : BLOCK, from = whole - some;
  if (some % 16) whole = from + ((some + 15) & ~15u);
  for (u32 i = s->count; i < whole; i++) s->a[i] = s->b[i] = s->place[i] = 0, s->tree[i] = TREES;
  s->count = from;
  computed += some;
  if (!may_overflow) depths[depth] += some;
  if (depth == max_depth) {
    leaves(s, from, whole, 0, 0);
    return;
  }
  u32 before = below->count;
  records[TREES] = (struct record){0, 0, 0};
  grow[may_overflow][max_children](s, from, whole, below, counts[depth + 1]);
  if (some % 16) drop(below, before);
}

/* The bounds of all machines, 8 trees at a time. */
static void add_trees(u64 offset, u32 count) {
  memset(records + count, 0, sizeof(struct record) * (-count & 7));
  for (u32 i = count; i & 7; i++) records[i].threads = 1u << 31;
  vec lower[MACHINES], upper[MACHINES], sums[3];
  for (int m = 0; m < MACHINES; m++) lower[m] = upper[m] = _mm512_setzero_si512();
  for (int i = 0; i < 3; i++) sums[i] = _mm512_setzero_si512();
  vec best_work = _mm512_set1_epi64((long long)largest[1]), best_span = _mm512_set1_epi64((long long)largest[2]);
  vec best_threads = _mm512_set1_epi64((long long)largest[0]);
  for (u32 tree = 0; tree < count; tree += 8) {
    vec r0 = _mm512_load_si512(&records[tree]), r1 = _mm512_load_si512(&records[tree + 4]);
    vec rest = _mm512_unpackhi_epi64(r0, r1);
    __mmask8 alive = _mm512_testn_epi64_mask(rest, _mm512_set1_epi64(1ll << 31));
    vec w = _mm512_maskz_unpacklo_epi64(alive, r0, r1);
    vec s = _mm512_maskz_srli_epi64(alive, rest, 32);
    vec t = _mm512_maskz_sub_epi64(alive, _mm512_and_si512(rest, _mm512_set1_epi64(0xffffffff)),
                                   _mm512_set1_epi64(no_threads));
    sums[0] = _mm512_add_epi64(sums[0], t);
    sums[1] = _mm512_add_epi64(sums[1], w);
    sums[2] = _mm512_add_epi64(sums[2], s);
    vec excess = _mm512_sub_epi64(w, s);
#pragma GCC unroll 11
    for (int m = 0; m < MACHINES; m++) {
      vec share = _mm512_srli_epi64(_mm512_add_epi64(w, _mm512_set1_epi64((1 << m) - 1)), (unsigned)m);
      lower[m] = _mm512_add_epi64(lower[m], _mm512_max_epu64(share, s));
      upper[m] = _mm512_add_epi64(upper[m], _mm512_srli_epi64(excess, (unsigned)m));
    }
    u64 each[8] ALIGNED;
    _mm512_store_si512(each, t);
    for (u32 i = 0; i < 8; i++) sizes[31 - __builtin_clz((u32)each[i] | 1)] += each[i] != 0;
    if (_mm512_cmpgt_epu64_mask(w, best_work) | _mm512_cmpgt_epu64_mask(s, best_span) |
        _mm512_cmpgt_epu64_mask(t, best_threads)) {
      for (u32 i = tree; i < tree + 8; i++) {
        if (records[i].threads >> 31) continue;
        compare(0, records[i].threads - no_threads, offset + i);
        compare(1, records[i].work, offset + i);
        compare(2, records[i].span, offset + i);
      }
      best_threads = _mm512_set1_epi64((long long)largest[0]);
      best_work = _mm512_set1_epi64((long long)largest[1]);
      best_span = _mm512_set1_epi64((long long)largest[2]);
    }
  }
  u64 all_span = (u64)_mm512_reduce_add_epi64(sums[2]);
  threads += (u64)_mm512_reduce_add_epi64(sums[0]);
  work += (u64)_mm512_reduce_add_epi64(sums[1]);
  span += all_span;
  for (int m = 0; m < MACHINES; m++) {
    lowers[m] += (u64)_mm512_reduce_add_epi64(lower[m]);
    uppers[m] += (u64)_mm512_reduce_add_epi64(upper[m]) + all_span;
  }
  u32 dead = 0;
  for (u32 i = 0; i < count; i++) dead += records[i].threads >> 31;
  oversize += dead;
  if (!may_overflow) return;
  depths[0] += count - dead;
  for (u32 depth = 1; depth <= max_depth; depth++)
    for (u32 i = 0; i < count; i++) depths[depth] += records[i].threads >> 31 ? 0 : counts[depth][i];
}

static void wave(u64 offset, u32 root, u32 count) {
  for (u32 depth = 1; depth <= max_depth; depth++) {
    stacks[depth].count = 0;
    stacks[depth].cleared = overflows;
    if (may_overflow || depth == 1) memset(counts[depth], 0, sizeof(u32) * count);
  }
  u32 started = 0, depth = 0, shallowest = 1;
  for (;;) {
    while (depth > 0 && waiting(&stacks[depth]) < BLOCK) depth--;
    if (depth == 0) {
      if (started < count) {
        u32 some = count - started < BLOCK ? count - started : BLOCK;
        start(root + started, some, started);
        started += some;
        depth = 1;
        continue;
      }
      while (shallowest <= max_depth && !waiting(&stacks[shallowest])) shallowest++;
      if (shallowest > max_depth) break;
      depth = shallowest;
    }
    take(depth);
    if (depth < max_depth) depth++;
  }
  add_trees(offset, count);
}

/* Where nothing forks, a tree is one thread: its work is its span, and its time on every machine. */
static void singles(u64 from, u64 length) {
  vec sum = _mm512_setzero_si512(), best = sum;
  vec lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (u64 done = 0; done < length; done += 16) {
    vec a, b;
    threefry(ADD(lanes, SPLAT(from + done)), SPLAT(seed0), SPLAT(seed1), &a, &b);
    u64 left = length - done;
    vec ticks = _mm512_maskz_mov_epi32((__mmask16)(left < 16 ? (1u << left) - 1 : 0xffff), ticks_of(a));
    vec low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(ticks));
    vec high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(ticks, 1));
    sum = _mm512_add_epi64(sum, _mm512_add_epi64(low, high));
    if (_mm512_cmpgt_epu32_mask(ticks, best)) {
      u32 each[16] ALIGNED;
      _mm512_store_si512(each, ticks);
      for (u32 i = 0; i < 16; i++) {
        compare(1, each[i], done + i);
        compare(2, each[i], done + i);
      }
      best = SPLAT(largest[1]);
    }
  }
  u64 total = (u64)_mm512_reduce_add_epi64(sum);
  work += total;
  span += total;
  for (int m = 0; m < MACHINES; m++) lowers[m] += total, uppers[m] += total;
  computed += length;
  threads += length;
  depths[0] += length;
  sizes[0] += length;
  compare(0, 1, 0);
}

static void run(u64 from, u64 length) {
  if (max_depth == 0) {
    singles(from, length);
    return;
  }
  u64 largest_tree = 1, level = 1;
  for (u32 depth = 0; depth < max_depth && largest_tree < (u64)1 << 40; depth++) largest_tree += level *= max_children;
  may_overflow = largest_tree > max_threads;
  no_threads = (1u << 31) - max_threads - 1;
  for (u64 done = 0; done < length; done += TREES)
    wave(done, (u32)(from + done), (u32)(length - done < TREES ? length - done : TREES));
}

#else

#define ROUND(r) x += y, y = (y << r | y >> (32 - r)) ^ x
#define KEYS(k, l, i) x += k, y += l + i

static void threefry(u32 m, u32 key0, u32 key1, u32 *a, u32 *b) {
  u32 key2 = 0x1bd11bda ^ key0 ^ key1, x = m + key0, y = key1;
  ROUND(13), ROUND(15), ROUND(26), ROUND(6), KEYS(key1, key2, 1);
  ROUND(17), ROUND(29), ROUND(16), ROUND(24), KEYS(key2, key0, 2);
  ROUND(13), ROUND(15), ROUND(26), ROUND(6), KEYS(key0, key1, 3);
  ROUND(17), ROUND(29), ROUND(16), ROUND(24), KEYS(key1, key2, 4);
  ROUND(13), ROUND(15), ROUND(26), ROUND(6), KEYS(key2, key0, 5);
  *a = x;
  *b = y;
}

static void tree(u64 offset, u32 root) {
  struct {
    u32 a, b, m, start, depth;
  } waiting[4 * DEPTHS];
  u64 tree_work = 0, tree_depths[DEPTHS] = {0};
  u32 tree_threads = 0, tree_span = 0, start = 0, depth = 0, deepest = 0, top = 0, a, b;
  threefry(root, seed0, seed1, &a, &b);
  for (;;) {
    computed++;
    if (++tree_threads > max_threads) {
      oversize++;
      return;
    }
    u32 ticks = work_min + a % work_range, k = 0;
    tree_work += ticks;
    if (start + ticks > tree_span) tree_span = start + ticks;
    if (depth > deepest) deepest = depth;
    tree_depths[depth]++;
    for (u32 c = 0; depth < max_depth && c < max_children; c++) k += (b >> (8 * c) & 255) < threshold;
    for (u32 m = 0; m < k; m++, top++) {
      waiting[top].a = a, waiting[top].b = b, waiting[top].m = m;
      waiting[top].start = start + ticks * (m + 1) / (k + 1), waiting[top].depth = depth + 1;
    }
    if (top-- == 0) break;
    start = waiting[top].start, depth = waiting[top].depth;
    threefry(waiting[top].m, waiting[top].a, waiting[top].b, &a, &b);
  }
  threads += tree_threads;
  work += tree_work;
  span += tree_span;
  for (u32 d = 0; d <= deepest; d++) depths[d] += tree_depths[d];
  sizes[31 - __builtin_clz(tree_threads)]++;
  for (int m = 0; m < MACHINES; m++) {
    u64 share = (tree_work + ((u64)1 << m) - 1) >> m;
    lowers[m] += share > tree_span ? share : tree_span;
    uppers[m] += tree_span + ((tree_work - tree_span) >> m);
  }
  compare(0, tree_threads, offset);
  compare(1, tree_work, offset);
  compare(2, tree_span, offset);
}

static void run(u64 from, u64 length) {
  for (u64 done = 0; done < length; done++) tree(done, (u32)(from + done));
}

#endif

static u64 cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
}

static void clear(void) {
  oversize = threads = work = span = 0;
  memset(depths, 0, sizeof depths);
  memset(sizes, 0, sizeof sizes);
  memset(lowers, 0, sizeof lowers);
  memset(uppers, 0, sizeof uppers);
  memset(largest, 0, sizeof largest);
  memset(largest_at, 0, sizeof largest_at);
}

int main(int argc, char **argv) {
  u64 given[10] = {0};
  for (int i = 1; i < argc && i < 10; i++) {
    char *end;
    given[i] = strtoull(argv[i], &end, 10);
    if (*end || end == argv[i]) argc = 0;
  }
  if (argc != 10 || given[2] == 0 || given[1] > (u64)1 << 32 || given[2] > ((u64)1 << 32) - given[1] || given[3] > 32 ||
      given[4] > 4 || given[5] > 256 || given[6] < 1 || given[7] < given[6] || given[7] > 1 << 20 || given[8] < 1 ||
      given[8] > 1 << 24) {
    fprintf(stderr,
            "usage: thread START LENGTH max_depth max_children spawn_threshold work_min work_max max_threads seed\n");
    return 2;
  }
  max_children = given[5] ? (u32)given[4] : 0;
  max_depth = max_children ? (u32)given[3] : 0;
  threshold = (u32)given[5];
  work_min = (u32)given[6];
  work_range = (u32)(given[7] - given[6] + 1);
  max_threads = (u32)given[8];
  seed0 = (u32)given[9];
  seed1 = (u32)(given[9] >> 32);
  u64 units = 0, begin = cpu_ns(), taken;
  do {
    clear();
    run(given[1], given[2]);
    units += given[2];
    taken = cpu_ns() - begin;
  } while (taken < 1000000000u);
  printf("{\"units\": %" PRIu64 ", \"threads\": %" PRIu64 ", \"cpu_ns\": %" PRIu64
         ", \"result\": {\"threads\": \"%" PRIu64 "\", \"work\": \"%" PRIu64 "\", \"span\": \"%" PRIu64
         "\", \"oversize\": %" PRIu64 "}}\n",
         units, computed, taken, threads, work, span, oversize);
  return 0;
}
