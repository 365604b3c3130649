/** The page begins: what its address says, its parts, then the GPU, the model and the images. */
import { render } from 'preact';
import { followAddress } from './address.js';
import { Page } from './page.js';
import { start } from './session.js';
import './style.css';

followAddress();
render(<Page />, document.querySelector('#page')!);
void start();
