/** Copies the page's address, which holds the settings; weights that were trained are not in it. */
import { useState } from 'preact/hooks';
import { linkOf } from '../address.js';
import { note } from '../state.js';

const SHOWN_MS = 3000;

export function CopyLink() {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(linkOf());
      setCopied(true);
      setTimeout(() => setCopied(false), SHOWN_MS);
    } catch {
      note('info', `The browser does not let the page copy; here is the link: ${linkOf()}`);
    }
  };
  return (
    <>
      <button
        type="button"
        onClick={() => void copy()}
        title="The settings, the seed and the latent point; not the trained weights"
      >
        {isCopied ? 'Link copied' : 'Copy link'}
      </button>
      <span class="hidden" role="status">
        {isCopied && 'The link is copied'}
      </span>
    </>
  );
}
