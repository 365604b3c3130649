/** The page begins: its parts, then the GPU, the model and the images. */
import { render } from 'preact';
import { Page } from './page.js';
import { start } from './session.js';
import './style.css';

render(<Page />, document.querySelector('#page')!);
void start();
