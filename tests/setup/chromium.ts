/**
 * Chromium for the browser tests, by playwright-core: which executable, and the options with which WebGPU
 * works in it, in pages and in Web Workers.
 *
 * Measured with Debian's Chromium 156 and playwright-core 1.65, headless, without a GPU: only
 * --enable-unsafe-webgpu is needed (without it requestAdapter() gives null). The adapter is SwiftShader
 * (vendor "google", architecture "swiftshader", isFallbackAdapter true, 256 invocations per workgroup), 0.7–1.1
 * M n/s on a textbook Collatz loop; start to first page 0.9 s, adapter and pipeline 0.1 s. Naming lavapipe by
 * VK_ICD_FILENAMES changes nothing: Chromium uses the SwiftShader that it ships.
 * The page must come from https or from localhost/127.0.0.1, else navigator.gpu is undefined.
 */
import { existsSync } from 'node:fs';
import type { LaunchOptions } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** CHROMIUM_PATH, if set, is used as it is. */
export function findChromium(): string | undefined {
  return process.env['CHROMIUM_PATH'] ?? PLACES.find((path) => existsSync(path));
}

export const CHROMIUM_ARGS: readonly string[] = [
  '--enable-unsafe-webgpu',
  // It must not ask anything of anyone: tests are to see only what the page under test does.
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  // Pages pause on a machine under load, as one that runs all tests is.
  '--disable-blink-features=ComputePressure',
];

/** `chromium.launch(chromiumLaunchOptions(path))`. Chromium's sandbox refuses to run as root. */
export function chromiumLaunchOptions(executablePath: string): LaunchOptions {
  return {
    executablePath,
    headless: true,
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...CHROMIUM_ARGS],
  };
}
