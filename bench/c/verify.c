/*
 * collatz, mode verify: the yardstick. The algorithm of shaders/collatz/assembly/verify.ts, written for C: a group of
 * 64 blocks of 2^24 numbers, residue by residue, the sieve's levels 25 to 30 as one bit per block, a wave of jumps of
 * 12 steps. Values are a 64-bit word where that is enough, else two: C has the high product that WebAssembly lacks.
 *
 *     cc -O3 -march=native -o verify verify.c && ./verify START LENGTH
 *
 * START >= 2^26, START + LENGTH <= 2^96, LENGTH < 2^63. Runs over the range until a second of CPU time is used and
 * prints {"units", "cpu_ns", "result"}; the tables are built before.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t u64;
typedef unsigned __int128 u128;

#define SIEVE_BITS 24
#define SIEVE_MASK ((1u << SIEVE_BITS) - 1)
#define CAPACITY 640
#define FULL 576
#define LOW 320
/* No jump of 12 steps climbs by more bits, no 24 steps of the sieve, no candidate that the deeper levels drop. */
#define JUMP_GROWTH 9
#define SIEVE_GROWTH 16
#define DEEPER_GROWTH 13

static uint32_t *residues, survivors;
static u64 *values, *deeper, jumps[4096], power3[25];
static uint8_t *odds, *classes;

static u64 v_lo[CAPACITY], v_hi[CAPACITY], n_lo[CAPACITY];
static uint32_t active;
/* What all n of a wave share. */
static u64 n_hi;

static u128 best_peak, best_n;
static u64 candidates;

static void steps(u64 r, int count, u64 *value, int *odd) {
  *odd = 0;
  for (; count > 0; count--) {
    *odd += r & 1;
    r = r & 1 ? (3 * r + 1) / 2 : r / 2;
  }
  *value = r;
}

/* Residues of h mod 2^(30 - k) that live on in h * 2^k + r, one bit each. */
static u64 alive(u64 value, u64 factor, int k) {
  if (factor < (u64)1 << k) return 0;
  if (k == 30) return 1;
  u64 bits = 0;
  for (int b = 0; b < 2; b++) {
    u64 x = value + (b ? factor : 0);
    u64 part = x & 1 ? alive((3 * x + 1) / 2, 3 * factor, k + 1) : alive(x / 2, factor, k + 1);
    for (int i = 0; i < 32; i++) bits |= (part >> i & 1) << (2 * i + b);
  }
  return bits;
}

/* The residues that survive 24 levels; (c1, v1) is the state of r, (c0, v0) that of r - 1. */
static void descend(int k, u64 r, int c1, u64 v1, int c0, u64 v0) {
  if (power3[c1] <= (u64)1 << k || (c1 == c0 && v1 == v0)) return;
  if (k == SIEVE_BITS) {
    residues[survivors++] = (uint32_t)r;
    return;
  }
  for (u64 b = 0; b < 2; b++) {
    u64 x = v1 + b * power3[c1], y = v0 + b * power3[c0];
    descend(k + 1, r + (b << k), c1 + (int)(x & 1), x & 1 ? (3 * x + 1) / 2 : x / 2, c0 + (int)(y & 1),
            y & 1 ? (3 * y + 1) / 2 : y / 2);
  }
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void prepare(void) {
  power3[0] = 1;
  for (int c = 1; c < 25; c++) power3[c] = 3 * power3[c - 1];
  for (u64 r = 0; r < 4096; r++) {
    u64 value;
    int odd;
    steps(r, 12, &value, &odd);
    jumps[r] = power3[odd] | value << 32;
  }
  residues = malloc(sizeof *residues << 18);
  descend(1, 1, 1, 2, 0, 0);
  qsort(residues, survivors, sizeof *residues, ascending);
  values = malloc(survivors * sizeof *values);
  deeper = malloc(survivors * sizeof *deeper);
  odds = malloc(survivors);
  classes = malloc(survivors);
  for (uint32_t i = 0; i < survivors; i++) {
    int odd;
    steps(residues[i], SIEVE_BITS, &values[i], &odd);
    odds[i] = (uint8_t)odd;
    classes[i] = residues[i] % 9;
    deeper[i] = alive(values[i], power3[odd], SIEVE_BITS);
  }
}

/* Walks n step by step. Peaks of 2^128 and more are refused: this is a yardstick, not an engine. */
static void decide(u128 n) {
  u128 x = n, peak = n;
  while (x >= n) {
    if (x & 1) {
      if (x >> 126) {
        fprintf(stderr, "a value passes 2^128\n");
        exit(2);
      }
      x = 3 * x + 1;
      if (x > peak) peak = x;
    }
    x >>= 1;
  }
  if (peak > best_peak || (peak == best_peak && n < best_n)) {
    best_peak = peak;
    best_n = n;
  }
}

/* Rare: a value that may lead to the largest peak, or outgrows its wave. Nonzero if n is settled by this. */
static __attribute__((noinline)) int settled(u128 n, u128 v) {
  if (v <= best_peak >> JUMP_GROWTH && v >> 119 == 0) {
    /* Outgrown only. */
    while (v >= n && v <= best_peak >> JUMP_GROWTH && v >> 119 == 0) {
      u64 jump = jumps[v & 4095];
      v = (v >> 12) * (uint32_t)jump + (jump >> 32);
    }
    if (v < n) return 1;
  }
  decide(n);
  return 1;
}

static void pass_narrow(void) {
  u128 threshold = best_peak >> JUMP_GROWTH;
  u64 limit = threshold >> 56 ? ((u64)1 << 56) - 1 : (u64)threshold;
  uint32_t stay = 0;
  for (uint32_t i = 0; i < active; i++) {
    u64 v = v_lo[i], n = n_lo[i];
    if (__builtin_expect(v > limit, 0) && settled(n, v)) continue;
    u64 jump = jumps[v & 4095];
    v = (v >> 12) * (uint32_t)jump + (jump >> 32);
    v_lo[stay] = v;
    n_lo[stay] = n;
    stay += v >= n;
  }
  active = stay;
}

static void pass_wide(void) {
  u128 threshold = best_peak >> JUMP_GROWTH;
  if (threshold >> 119) threshold = ((u128)1 << 119) - 1;
  u64 limit_hi = (u64)(threshold >> 64), high = n_hi;
  uint32_t stay = 0;
  for (uint32_t i = 0; i < active; i++) {
    u64 lo = v_lo[i], hi = v_hi[i], n = n_lo[i];
    /* One word is compared: the same high word may be above. */
    if (__builtin_expect(hi >= limit_hi, 0)) {
      u128 v = (u128)hi << 64 | lo;
      if (v > threshold && settled((u128)high << 64 | n, v)) continue;
    }
    u64 jump = jumps[lo & 4095];
    u128 product = (u128)(lo >> 12 | hi << 52) * (uint32_t)jump + (jump >> 32);
    lo = (u64)product;
    hi = (hi >> 12) * (uint32_t)jump + (u64)(product >> 64);
    v_lo[stay] = lo;
    v_hi[stay] = hi;
    n_lo[stay] = n;
    /* By subtraction: a branch here would be mispredicted every other time. */
    stay += ((u128)hi << 64 | lo) >= ((u128)high << 64 | n);
  }
  active = stay;
}

static void group(u128 start, u64 first_block, u64 last_block, u64 from, u64 to) {
  /* `start` is the first number of 64 blocks; residues >= from in the first, < to in the last. */
  u128 h = start >> SIEVE_BITS;
  int narrow = h < 1u << 25;
  u64 blocks = (~(u64)0 << first_block) & (~(u64)0 >> (63 - last_block));
  u64 of_class[9];
  for (int m = 0; m < 9; m++) {
    of_class[m] = 0;
    for (u64 j = 0; j < 64; j++) of_class[m] |= (u64)(0x0cb >> (unsigned)((h + j + m) % 9) & 1) << j;
  }
  n_hi = (u64)(start >> 64);
  u128 top = start + ((u64)1 << 30);
  int room = best_peak >> SIEVE_GROWTH >= top, deep = best_peak >> DEEPER_GROWTH >= top;
  for (uint32_t i = 0; i < survivors; i++) {
    u64 r = residues[i], bits = of_class[classes[i]] & blocks;
    if (r < from) bits &= ~((u64)1 << first_block);
    if (r >= to) bits &= ~((u64)1 << last_block);
    candidates += (u64)__builtin_popcountll(bits);
    u64 factor = power3[odds[i]];
    if (!room) {
      for (u64 rest = bits; rest; rest &= rest - 1) {
        u64 j = (u64)__builtin_ctzll(rest);
        u128 n = start + (j << SIEVE_BITS) + r;
        if (n > best_peak >> SIEVE_GROWTH) {
          decide(n);
          bits &= ~((u64)1 << j);
        }
      }
      room = best_peak >> SIEVE_GROWTH >= top;
      deep = best_peak >> DEEPER_GROWTH >= top;
    }
    if (deep) bits &= deeper[i];
    u128 value = h * factor + values[i];
    for (; bits; bits &= bits - 1) {
      u64 j = (u64)__builtin_ctzll(bits);
      u128 v = value + j * factor;
      v_lo[active] = (u64)v;
      v_hi[active] = (u64)(v >> 64);
      n_lo[active++] = (u64)start + (j << SIEVE_BITS) + r;
    }
    if (active >= FULL) {
      while (active > LOW) narrow ? pass_narrow() : pass_wide();
    }
  }
  while (active > 0) narrow ? pass_narrow() : pass_wide();
}

static void run(u128 start, u64 length) {
  best_peak = 0;
  best_n = 0;
  candidates = 0;
  u128 end = start + length;
  for (u128 at = start; at < end;) {
    u128 base = at >> 30 << 30;
    u128 next = base + ((u64)1 << 30) < end ? base + ((u64)1 << 30) : end;
    u64 last = (u64)(next - 1 - base);
    group(base, (u64)(at - base) >> SIEVE_BITS, last >> SIEVE_BITS, (u64)at & SIEVE_MASK, (last & SIEVE_MASK) + 1);
    at = next;
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

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: verify START LENGTH\n");
    return 1;
  }
  u128 start = parse(arguments[1]);
  u64 length = (u64)parse(arguments[2]);
  if (start < 1u << 26 || length == 0 || (start + length - 1) >> 96) {
    fprintf(stderr, "the range must lie within [2^26, 2^96)\n");
    return 1;
  }
  prepare();
  u64 before = cpu_ns(), used, units = 0;
  do {
    run(start, length);
    units += length;
    used = cpu_ns() - before;
  } while (used < 1000000000u);
  char n[48], peak[48];
  printf("{\"units\": %llu, \"cpu_ns\": %llu, \"result\": {\"candidates\": \"%llu\", \"max_peak\": ",
         (unsigned long long)units, (unsigned long long)used, (unsigned long long)candidates);
  if (best_peak) printf("{\"n\": \"%s\", \"peak\": \"%s\"}}}\n", decimal(best_n, n), decimal(best_peak, peak));
  else printf("null}}\n");
  return 0;
}
