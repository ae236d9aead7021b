import { render } from "preact";

render(<p>swapdrop</p>, document.body);
