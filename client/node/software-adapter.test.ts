import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findSoftwareAdapter, projectVulkanCache } from './software-adapter.ts';

describe('findSoftwareAdapter', { skip: process.platform !== 'linux' && 'Linux only' }, () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'software-adapter-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function put(path: string, text = ''): string {
    const file = join(root, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    return file;
  }
  function find() {
    return findSoftwareAdapter({
      cache: join(root, 'cache'),
      icdFolders: [join(root, 'icd.d')],
      browserFolders: [join(root, 'chromium')],
    });
  }

  it('gives a reason where there is none', () => {
    assert.match(find().reason ?? '', /npm test/);
  });

  it("takes a browser's SwiftShader, its Vulkan loader and none of its other libraries", () => {
    const icd = put('chromium/vk_swiftshader_icd.json');
    const loader = put('chromium/libvulkan.so.1');
    for (const name of ['libEGL.so', 'libvk_swiftshader.so', 'libVkICD_mock_icd.so']) put(`chromium/${name}`);
    assert.deepEqual(find().found, {
      kind: 'swiftshader',
      icd,
      env: { VK_ADD_DRIVER_FILES: icd },
      libraries: [loader],
    });
  });

  it("prefers the project's lavapipe to SwiftShader, and the system's to both, if Dawn accepts it", () => {
    put('chromium/vk_swiftshader_icd.json');
    const own = put('cache/lavapipe/lvp_icd.json');
    put('icd.d/lvp_icd.x86_64.json', '{"ICD": {"api_version": "1.3.230"}}');
    assert.equal(find().found?.icd, own);
    const system = put('icd.d/lvp_icd.json', '{"ICD": {"api_version": "1.4.305"}}');
    assert.deepEqual(find().found, { kind: 'lavapipe', icd: system, env: {}, libraries: [] });
  });

  it('looks in the .cache of the nearest folder with a package.json, so that a bundle finds it too', () => {
    put('package.json', '{}');
    mkdirSync(join(root, 'build', 'client'), { recursive: true });
    assert.equal(projectVulkanCache(join(root, 'build', 'client')), join(root, '.cache', 'vulkan'));
  });
});
