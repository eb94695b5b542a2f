/*
 * collatz, mode statistics: the yardstick. The algorithm of shaders/collatz/assembly/statistics.ts, written for C: one
 * walk per residue class modulo 2^12, 2^14 .. 2^20, in waves of one weight that carry nothing but the value; the number
 * of odd values follows from its size, and the delay from that (class-block.ts has the proofs). Values are a 64-bit word
 * where that is enough, else two limbs, the lower of 44 bits, as in the kernel. Two full words by the high product of
 * 64 bits, which WebAssembly lacks, were a tenth slower at 2^68; eight narrow values at once by AVX-512 gathers 0.8 to 1
 * times as fast.
 *
 *     cc -O3 -march=native -o statistics statistics.c -lm && ./statistics START LENGTH
 *
 * START >= 1, START + LENGTH <= 2^96, LENGTH < 2^63. Runs over the range until a second of CPU time is used and prints
 * {"units", "cpu_ns", "result"}; the tables are built before. A value past 2^128 ends it: this is a yardstick.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t u64;
typedef unsigned __int128 u128;

#define TAIL (1u << 19)
#define TAIL_PEAK 24648077896u
#define CAPACITY 1024
/* A narrow value's end, and that of a wide one's upper limb; where a wide one is narrow again. */
#define TOP ((u64)1 << 55)
#define NARROW_AGAIN ((u64)1 << 51)
#define STARTS_NARROW ((u64)1 << 52)
/* No jump climbs by more bits. */
#define JUMP_GROWTH 9
#define LIMB_MASK (((u64)1 << 44) - 1)
#define SHORTEST 4096
#define MOST_PASSES 175
#define ODDS 2048
#define POSITIONS 4608

struct group {
  uint32_t weight, c, classes;
};
struct level {
  int k;
  uint32_t groups, *d;
  struct group *group;
};
#define LEVELS 5
static struct level levels[LEVELS];

static u64 jumps[4096], power3[24];
static uint8_t tail[TAIL], jump_odd[4096];
/* For the first numbers, until the best peak is above all of them. */
static u64 tail_peak[TAIL];
static uint32_t landed;

/* The wave. */
static u64 narrow[CAPACITY], ends[CAPACITY], wide_lo[CAPACITY], wide_hi[CAPACITY];
static uint32_t shorts[CAPACITY], narrows, wides, shorted;
static struct {
  u128 value;
  int steps;
} left[CAPACITY];
static uint32_t lefts;
static int steps, noticed;

/* Of the block. */
static double log_n0;
static uint16_t odd_before[POSITIONS];
static uint32_t histogram[ODDS];
static uint32_t least_odd;

/* Of the range. */
static u64 delays[4096];
static int best_delay;
static u128 best_delay_n, best_peak, best_peak_n;

static int by_key(const void *a, const void *b) {
  u64 x = *(const u64 *)a, y = *(const u64 *)b;
  return x < y ? -1 : x > y;
}

/* Classes by weight, then c: keys are c << 32 | d of all residues, then weight << 40 | c << 32 | d of all classes. */
static void make_level(struct level *level, int k) {
  u64 size = (u64)1 << k, *key = malloc(size * sizeof *key), classes = 0;
  for (u64 r = 0; r < size; r++) {
    u64 x = r, c = 0;
    for (int step = 0; step < k; step++) {
      c += x & 1;
      x = x & 1 ? (3 * x + 1) / 2 : x / 2;
    }
    key[r] = c << 32 | x;
  }
  qsort(key, size, sizeof *key, by_key);
  for (u64 i = 0; i < size;) {
    u64 first = i;
    while (i < size && key[i] == key[first]) i++;
    key[classes++] = (i - first) << 40 | key[first];
  }
  qsort(key, classes, sizeof *key, by_key);
  level->k = k;
  level->groups = 0;
  level->d = malloc(classes * sizeof *level->d);
  level->group = malloc(classes * sizeof *level->group);
  for (u64 i = 0; i < classes; i++) {
    level->d[i] = (uint32_t)key[i];
    if (i == 0 || key[i] >> 32 != key[i - 1] >> 32) {
      level->group[level->groups++] = (struct group){(uint32_t)(key[i] >> 40), key[i] >> 32 & 255, 0};
    }
    level->group[level->groups - 1].classes++;
  }
  free(key);
}

static void prepare(void) {
  power3[0] = 1;
  for (int c = 1; c < 24; c++) power3[c] = 3 * power3[c - 1];
  for (u64 r = 0; r < 4096; r++) {
    u64 x = r, factor = 1;
    for (int step = 0; step < 12; step++) {
      factor *= x & 1 ? 3 : 1;
      jump_odd[r] += x & 1;
      x = x & 1 ? (3 * x + 1) / 2 : x / 2;
    }
    jumps[r] = factor | x << 32;
  }
  tail_peak[1] = 1;
  for (u64 n = 2; n < TAIL; n++) {
    u64 x = n, peak = n;
    uint8_t odd = 0;
    while (x >= n) {
      odd += x & 1;
      if (x & 1 && 3 * x + 1 > peak) peak = 3 * x + 1;
      x = x & 1 ? (3 * x + 1) / 2 : x / 2;
    }
    tail[n] = odd + tail[x];
    tail_peak[n] = peak > tail_peak[x] ? peak : tail_peak[x];
  }
  for (int level = 0; level < LEVELS; level++) make_level(&levels[level], 12 + 2 * level);
}

/* The delay of a number (or of one a little below it) with so many odd values on its path. */
static int delay_of(double log_n, int odd) {
  return odd + (int)floor(log_n + odd * 1.5849625007211561815 + 0.7);
}

static void must_fit(u128 x) {
  if (x >> 126) {
    fprintf(stderr, "a value passes 2^128\n");
    exit(2);
  }
}

static u128 peak_of(u128 n) {
  u128 x = n, peak = n;
  while (x > 1) {
    if (x & 1) {
      must_fit(x);
      x = 3 * x + 1;
      if (x > peak) peak = x;
    }
    x >>= 1;
  }
  return peak;
}

/* Blocks come in order, but classes do not. */
static void offer(u128 n, int delay, int doubtful) {
  if (delay > best_delay || (delay == best_delay && n < best_delay_n)) {
    best_delay = delay;
    best_delay_n = n;
  }
  if (!doubtful) return;
  u128 peak = peak_of(n);
  if (peak > best_peak || (peak == best_peak && n < best_peak_n)) {
    best_peak = peak;
    best_peak_n = n;
  }
}

/* Walks one value to the tail; returns how many were odd, counted from `odd` on. */
static int single(u128 v, int odd, int *doubtful) {
  u128 threshold = best_peak >> JUMP_GROWTH;
  while (v >> 55) {
    if (v > threshold) *doubtful = 1;
    if (v >> 119) {
      /* Too high to jump. */
      if (v & 1) {
        must_fit(v);
        odd++;
        v += (v >> 1) + 1;
      } else {
        v >>= 1;
      }
    } else {
      odd += jump_odd[v & 4095];
      u64 jump = jumps[v & 4095];
      v = (v >> 12) * (uint32_t)jump + (jump >> 32);
    }
  }
  u64 x = (u64)v, limit = threshold >> 63 ? ~(u64)0 : (u64)threshold;
  while (x >= TAIL) {
    if (x > limit) *doubtful = 1;
    if (x >> 55) return single(x, odd, doubtful);
    odd += jump_odd[x & 4095];
    u64 jump = jumps[x & 4095];
    x = (x >> 12) * (uint32_t)jump + (jump >> 32);
  }
  landed = (uint32_t)x;
  return odd + tail[x];
}

static void number(u128 n) {
  int doubtful = 0;
  int delay = delay_of(log2((double)n), single(n, 0, &doubtful));
  doubtful |= tail_peak[landed] > best_peak;
  delays[delay]++;
  offer(n, delay, doubtful);
}

static inline void count(uint32_t odd, uint32_t weight) {
  if (odd >= least_odd) noticed = 1;
  histogram[odd] += weight;
}

static void leave(u128 v) {
  left[lefts].value = v;
  left[lefts++].steps = steps;
}

/* Rare: more than one word, or to be looked at. What joins the wide ones jumps in the same pass. */
static __attribute__((noinline)) void rise(u64 v, u128 threshold) {
  u64 jump = jumps[v & 4095];
  if (v > threshold || (u128)(v >> 12) * (uint32_t)jump + (jump >> 32) > threshold) {
    leave(v);
    return;
  }
  wide_lo[wides] = v & LIMB_MASK;
  wide_hi[wides++] = v >> 44;
}

/* Two jumps for every narrow value; returns how many ended. */
static uint32_t pass_narrow(void) {
  u128 threshold = best_peak >> JUMP_GROWTH;
  const u64 limit = threshold >= TOP ? TOP - 1 : (u64)threshold, span = limit - SHORTEST;
  const u64 *from = narrow, *stop = narrow + narrows;
  u64 *to = narrow, *end = ends;
  for (; from < stop; from++) {
    u64 v = *from, first = jumps[v & 4095], y = (v >> 12) * (uint32_t)first + (first >> 32);
    if (__builtin_expect(v > limit, 0)) {
      rise(v, threshold);
      continue;
    }
    if (__builtin_expect(y - SHORTEST > span, 0)) {
      if (y < SHORTEST) shorts[shorted++] = (uint32_t)y;
      else rise(v, threshold);
      continue;
    }
    u64 second = jumps[y & 4095], x = (y >> 12) * (uint32_t)second + (second >> 32);
    *to = x;
    *end = x;
    u64 is_end = (x - TAIL) >> 63;
    to += 1 - is_end;
    end += is_end;
  }
  narrows = (uint32_t)(to - narrow);
  return (uint32_t)(end - ends);
}

static void pass_wide(void) {
  u128 threshold = best_peak >> JUMP_GROWTH;
  const u64 limit = threshold >> 99 ? TOP : (u64)(threshold >> 44);
  uint32_t active = wides, stay = 0, fresh = narrows;
  for (uint32_t i = 0; i < active; i++) {
    u64 a0 = wide_lo[i], a1 = wide_hi[i], first = jumps[a0 & 4095], m = (uint32_t)first;
    u64 y0 = ((a0 << 20 >> 32) | (a1 & 4095) << 32) * m + (first >> 32);
    u64 y1 = (a1 >> 12) * m + (y0 >> 44);
    if (__builtin_expect((a1 > y1 ? a1 : y1) >= limit, 0)) {
      leave((u128)a1 << 44 | (a0 & LIMB_MASK));
      continue;
    }
    u64 second = jumps[y0 & 4095];
    m = (uint32_t)second;
    u64 x0 = ((y0 << 20 >> 32) | (y1 & 4095) << 32) * m + (second >> 32);
    u64 upper = (y1 >> 12) * m, x1 = upper + (x0 >> 44);
    wide_lo[stay] = x0;
    wide_hi[stay] = x1;
    narrow[fresh] = x0 + (upper << 44);
    u64 is_narrow = (x1 - (NARROW_AGAIN >> 44)) >> 63;
    stay += 1 - (uint32_t)is_narrow;
    fresh += (uint32_t)is_narrow;
  }
  wides = stay;
  narrows = fresh;
}

static void count_ends(uint32_t ended, uint32_t weight) {
  const uint16_t *table = odd_before + steps + 31;
  for (uint32_t i = 0; i < ended; i++) {
    uint32_t v = (uint32_t)ends[i];
    count(table[-__builtin_clz(v)] + tail[v], weight);
  }
}

static int top_bit(u128 v) {
  return v >> 64 ? 127 - __builtin_clzll((u64)(v >> 64)) : 63 - __builtin_clzll((u64)v);
}

static void wave(uint32_t weight) {
  for (int pass = 0; narrows || wides; pass++) {
    if (pass == MOST_PASSES) {
      fprintf(stderr, "a delay of 4096 or more\n");
      exit(2);
    }
    uint32_t ended = pass_narrow();
    if (wides) pass_wide();
    for (uint32_t i = 0; i < shorted; i++) {
      count(odd_before[steps + 12 + 31 - __builtin_clz(shorts[i])] + tail[shorts[i]], weight);
    }
    shorted = 0;
    steps += 24;
    count_ends(ended, weight);
  }
  for (uint32_t i = 0; i < lefts; i++) {
    int doubtful = 0;
    u128 v = left[i].value;
    count((uint32_t)single(v, odd_before[left[i].steps + top_bit(v)], &doubtful), weight);
    noticed |= doubtful;
  }
  lefts = 0;
}

/* The lowest residue that K steps take to d with c odd values on the way. */
static u64 lowest(u64 x, int c, int k) {
  if (k == 0) return x;
  u64 found = c < k ? lowest(2 * x, c, k - 1) : ~(u64)0;
  if (c > 0 && x % 3 == 2) {
    u64 other = lowest((2 * x - 1) / 3, c - 1, k - 1);
    if (other < found) found = other;
  }
  return found;
}

/* Classes of a wave that may hold a maximum, one by one; what their least odd count is may rise. */
static void inspect(const struct level *level, u128 n0, const struct group *group, uint32_t within, u64 at,
                    uint32_t size) {
  u128 h = n0 >> level->k;
  for (uint32_t i = 0; i < size; i++, at++, within++) {
    while (within == group->classes) {
      group++;
      within = 0;
    }
    int doubtful = 0;
    u64 d = level->d[at];
    int odd = single(h * power3[group->c] + d, (int)group->c, &doubtful), delay = delay_of(log_n0, odd);
    if (delay >= best_delay || doubtful) offer(n0 + lowest(d, (int)group->c, level->k), delay, doubtful);
  }
}

static void find_least_odd(void) {
  for (least_odd = 0; delay_of(log_n0, (int)least_odd) < best_delay;) least_odd++;
}

static void add_part(const uint32_t *d, uint32_t size, u128 base, uint32_t c, uint32_t weight) {
  if (base >= STARTS_NARROW) {
    for (uint32_t i = 0; i < size; i++) {
      u128 v = base + d[i];
      wide_lo[wides + i] = (u64)v & LIMB_MASK;
      wide_hi[wides + i] = (u64)(v >> 44);
    }
    wides += size;
  } else if (base >= TAIL) {
    for (uint32_t i = 0; i < size; i++) narrow[narrows + i] = (u64)base + d[i];
    narrows += size;
  } else {
    for (uint32_t i = 0; i < size; i++) {
      u64 v = (u64)base + d[i];
      if (v < TAIL) count(c + tail[v], weight);
      else narrow[narrows++] = v;
    }
  }
}

static void block(const struct level *level, u128 n0) {
  double log_now = log2((double)n0);
  if (!(log_now >= log_n0 && log_now <= log_n0 + 0.028)) {
    log_n0 = log_now;
    for (int position = 0; position < POSITIONS; position++) {
      double c = ceil((position + 1.07 - log_n0) / 1.5849625007211561815) - 1;
      odd_before[position] = c > 0 ? (uint16_t)c : 0;
    }
  }
  memset(histogram, 0, sizeof histogram);
  find_least_odd();
  const struct group *group = level->group, *end = group + level->groups, *first = group;
  uint32_t filled = 0, within = 0;
  u128 h = n0 >> level->k;
  for (u64 at = 0; group < end; group++) {
    for (uint32_t done = 0; done < group->classes;) {
      if (filled == 0) {
        first = group;
        within = done;
        steps = level->k;
        noticed = 0;
      }
      uint32_t size = group->classes - done, room = CAPACITY - filled;
      if (size > room) size = room;
      add_part(level->d + at, size, h * power3[group->c], group->c, group->weight);
      at += size;
      done += size;
      filled += size;
      int is_last = done == group->classes && (group + 1 == end || group[1].weight != group->weight);
      if (filled < CAPACITY && !is_last) continue;
      wave(group->weight);
      if (noticed) {
        inspect(level, n0, first, within, at - filled, filled);
        find_least_odd();
      }
      filled = 0;
    }
  }
  for (int odd = 0; odd < ODDS; odd++) {
    if (histogram[odd]) delays[delay_of(log_n0, odd)] += histogram[odd];
  }
}

static int fits(const struct level *level, u128 n, u64 before, u64 after) {
  u64 size = (u64)1 << level->k;
  int growth = level->k > 13 ? level->k - 4 : 9;
  return !((u64)n & (size - 1)) && after >= size && n >> 4 >= size && before >= size >> 4 && best_peak >= TAIL_PEAK &&
         best_peak >> growth > n + size;
}

static void run(u128 start, u64 length) {
  memset(delays, 0, sizeof delays);
  best_delay = -1;
  best_peak = 0;
  for (u64 at = 0; at < length;) {
    int level = LEVELS - 1;
    while (level >= 0 && !fits(&levels[level], start + at, at, length - at)) level--;
    if (level >= 0) {
      block(&levels[level], start + at);
      at += (u64)1 << levels[level].k;
    } else {
      number(start + at++);
    }
  }
}

static u128 parse(const char *text) {
  u128 value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (u128)(*text - '0');
  return value;
}

static const char *decimal(u128 value, char *buffer) {
  char *at = buffer + 41;
  *--at = 0;
  do *--at = (char)('0' + (int)(value % 10));
  while (value /= 10);
  return at;
}

static u64 cpu_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (u64)time.tv_sec * 1000000000u + (u64)time.tv_nsec;
}

int main(int arguments, char **argument) {
  if (arguments != 3) {
    fprintf(stderr, "usage: statistics START LENGTH\n");
    return 1;
  }
  u128 start = parse(argument[1]);
  u64 length = (u64)parse(argument[2]);
  if (start < 1 || length == 0 || length >> 63 || (start + length - 1) >> 96) {
    fprintf(stderr, "the range must lie within [1, 2^96)\n");
    return 1;
  }
  prepare();
  u64 before = cpu_ns(), used, units = 0;
  do {
    run(start, length);
    units += length;
    used = cpu_ns() - before;
  } while (used < 1000000000u);
  u128 sum = 0;
  for (u64 delay = 0; delay < 4096; delay++) sum += (u128)delay * delays[delay];
  char a[48], b[48], c[48], d[48];
  printf("{\"units\": %llu, \"cpu_ns\": %llu, \"result\": {\"delay_sum\": \"%s\", ", (unsigned long long)units,
         (unsigned long long)used, decimal(sum, a));
  printf("\"max_delay\": {\"n\": \"%s\", \"delay\": %d}, ", decimal(best_delay_n, b), best_delay);
  printf("\"max_peak\": {\"n\": \"%s\", \"peak\": \"%s\"}}}\n", decimal(best_peak_n, c), decimal(best_peak, d));
  return 0;
}
