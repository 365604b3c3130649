/** Shown instead of the page where there is no GPU to compute on: what is missing, and what to do about it. */
import './obstacle.css';

const browsers = [
  {
    name: 'Chrome and Edge',
    sign: /Chrome|Edg/,
    advice:
      'version 113 or newer on Windows, macOS and ChromeOS, 121 on Android; on Linux with a graphics driver for Vulkan. chrome://gpu says what is missing; graphics acceleration has to be on under Settings, System.',
  },
  {
    name: 'Safari',
    sign: /Safari/,
    advice: 'version 26 or newer, on macOS, iOS, iPadOS and visionOS.',
  },
  {
    name: 'Firefox',
    sign: /Firefox/,
    advice: 'version 141 or newer on Windows, 145 or newer on recent Macs.',
  },
];

export function Obstacle({ message }: { readonly message: string }) {
  const own = browsers.find(({ sign }) => sign.test(navigator.userAgent));
  const others = browsers.filter((browser) => browser !== own);
  return (
    <main class="obstacle">
      <h1>This page needs WebGPU</h1>
      <p role="alert">{missing()}</p>
      <p>It trains a neural network on your own GPU, which browsers offer to pages as WebGPU:</p>
      <dl>
        {[...(own ? [own] : []), ...others].map(({ name, advice }) => (
          <div key={name}>
            <dt>
              {name}
              {own?.name === name && ' (yours)'}
            </dt>
            <dd>{advice}</dd>
          </div>
        ))}
      </dl>
      <p>
        <button type="button" class="primary" onClick={() => location.reload()}>
          Try again
        </button>
      </p>
      <details>
        <summary>What the browser said</summary>
        <p>
          <code>{message}</code>
        </p>
      </details>
    </main>
  );
}

function missing(): string {
  if (!isSecureContext)
    return 'This address is plain http, where browsers keep the GPU to themselves. Open the page by https, or from localhost.';
  if (!('gpu' in navigator)) return 'This browser has no WebGPU. A newer one, or another, has it.';
  return 'This browser has WebGPU but offers no GPU: it found none that it trusts, or graphics acceleration is off.';
}
