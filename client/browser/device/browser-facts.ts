/** What the browser says of itself to every website. */
import type { BrowserFacts } from './device-test.ts';

declare global {
  /** Of the User-Agent Client Hints, which TypeScript doesn't know: only Chromium has them. */
  interface Navigator {
    readonly userAgentData?: {
      readonly brands: readonly { readonly brand: string; readonly version: string }[];
      readonly mobile: boolean;
      readonly platform: string;
    };
  }
}

const MOST = 500;

export function browserFacts(): BrowserFacts {
  const { userAgent, userAgentData, hardwareConcurrency } = navigator;
  return {
    browser: {
      user_agent: userAgent.slice(0, MOST),
      brands: (userAgentData?.brands ?? []).map(({ brand, version }) => `${brand} ${version}`.slice(0, MOST)),
      platform: (userAgentData?.platform ?? '').slice(0, MOST),
      mobile: userAgentData?.mobile ?? false,
    },
    cpu: { threads: hardwareConcurrency },
  };
}
