//! Chromium without a window, told what to do by its DevTools protocol.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket, client};

/// Under these names the browser is installed on various systems.
pub(crate) const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser that is busier than that has hung.
const PATIENCE: Duration = Duration::from_secs(180);

/// A page in a browser, which ends with this value.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    calls: u64,
    /// What it has told of: its console, its requests.
    pub(crate) events: Vec<Value>,
}

impl Browser {
    /// An empty page; `None` where no browser is installed.
    pub(crate) fn start(folder: &Path) -> Option<Browser> {
        let name = BROWSERS.into_iter().find(|name| {
            let asked =
                Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        })?;
        let mut child = Command::new(name)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let address =
            said.find_map(|line| line.unwrap().strip_prefix("DevTools listening on ").map(str::to_string));
        let address = address.expect("the browser tells its address");
        // It goes on talking; nobody must keep it waiting.
        std::thread::spawn(move || said.for_each(drop));
        let host = address.trim_start_matches("ws://").split('/').next().unwrap().to_string();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = client(address, stream).unwrap();
        let mut browser = Browser { child, socket, session: None, calls: 0, events: Vec::new() };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        browser.session =
            browser.call("Target.attachToTarget", attach)["sessionId"].as_str().map(str::to_string);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Calls a method of the protocol.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let told: Value = serde_json::from_str(&text).unwrap();
            if told["id"] == self.calls {
                assert!(told.get("error").is_none(), "{method}: {told}");
                return told["result"].clone();
            }
            self.events.push(told);
        }
    }

    /// What an expression in the page is.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let told = self.call("Runtime.evaluate", ask);
        assert!(told.get("exceptionDetails").is_none(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Waits until an expression in the page is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let began = Instant::now();
        while self.value(&format!("Boolean({expression})")) != true {
            let trouble = self.value("document.getElementById('trouble')?.textContent");
            assert!(began.elapsed() < PATIENCE, "{expression} does not come true; the page says {trouble}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Presses, moves through these points of an element (shares of its width and height) and lets go.
    pub(crate) fn drag(&mut self, id: &str, points: &[[f64; 2]]) {
        let place = format!(
            "(() => {{ const e = document.getElementById('{id}'); e.scrollIntoView({{ block: 'center' }}); \
             const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; }})()"
        );
        let place: [f64; 4] = serde_json::from_value(self.value(&place)).unwrap();
        let mut mouse = |kind: &str, [x, y]: [f64; 2]| {
            let (x, y) = (place[0] + x * place[2], place[1] + y * place[3]);
            let at = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", at);
        };
        mouse("mousePressed", points[0]);
        points.iter().for_each(|&point| mouse("mouseMoved", point));
        mouse("mouseReleased", points[points.len() - 1]);
    }

    /// Sets a slider or a list as a reader does.
    pub(crate) fn choose(&mut self, id: &str, value: &str) {
        self.value(&format!(
            "(() => {{ const e = document.getElementById('{id}'); e.value = '{value}'; \
             for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {{ bubbles: true }})); }})()"
        ));
    }

    /// Keeps what is to be seen, if a folder for it is named by `CONVNET_SCREENSHOTS`.
    pub(crate) fn shot(&mut self, name: &str) {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        let Some(folder) = std::env::var_os("CONVNET_SCREENSHOTS") else { return };
        let shot = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        let png = BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(name), png).unwrap();
    }

    /// The size of the window, and whether the reader likes it dark.
    pub(crate) fn window(&mut self, width: u32, height: u32, dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let like = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", like);
    }

    /// The events of this kind.
    pub(crate) fn told(&self, method: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| &event["params"]).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
