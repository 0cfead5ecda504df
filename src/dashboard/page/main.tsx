import { render } from 'preact';
import { takeTokenFromAddress } from './api/token.js';
import { App } from './app/app.js';
import './styles/page.css';

takeTokenFromAddress();
const root = document.getElementById('page');
if (root) {
  root.replaceChildren(); // it says what to do without JavaScript
  render(<App />, root);
}
