//! Chromium without a window: it opens a page, runs a driver's script in it, and tells what came of it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Under these names the browser is installed on various systems.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser that is busier than that has hung.
const PATIENCE: Duration = Duration::from_secs(180);

/// The browser of this machine; where there is none the test says that nothing was tried.
pub(super) fn browser() -> Option<&'static str> {
    let found = BROWSERS.into_iter().find(|name| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    });
    if found.is_none() {
        eprintln!("skipped: no Chromium is installed ({}), so the page is not tried", BROWSERS.join(", "));
    }
    found
}

/// Makes the page of a smoke run in `out`; `more` are its arguments.
pub(super) fn smoke_page(out: &Path, more: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["reproduce-chapter5", "--profile", "smoke"])
        .args(more)
        .arg("--out")
        .arg(out)
        .env_remove("CONVNET_DATA_DIR")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::read_to_string(out.join("index.html")).unwrap()
}

/// The page with the driver behind its own script, which the page's policy must allow by its checksum.
pub(super) fn driven_page(page: &str, driver: &str) -> String {
    let checksum = BASE64_STANDARD.encode(Sha256::digest(driver));
    let allowed =
        page.replacen("script-src 'sha256-", &format!("script-src 'sha256-{checksum}' 'sha256-"), 1);
    assert!(allowed.contains(&checksum), "the page has no policy for scripts");
    allowed.replacen("</body>", &format!("<script>{driver}</script></body>"), 1)
}

/// What the browser has made of the page, and what it said on its console; `more` are its arguments.
pub(super) fn dumped(browser: &str, page: &Path, folder: &Path, more: &[&str]) -> (String, String) {
    let (out, log) = (folder.join("dom.html"), folder.join("log.txt"));
    let file = |path: &Path| Stdio::from(fs::File::create(path).unwrap());
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"])
        .args(["--virtual-time-budget=30000", "--dump-dom"])
        .args(more)
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(file(&out))
        .stderr(file(&log))
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the browser did not end within {PATIENCE:?}: {}", fs::read_to_string(log).unwrap());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let console = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    let console = console.lines().filter(|line| line.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
    (fs::read_to_string(out).unwrap(), console)
}

/// What the driver left in the page.
pub(super) fn driven(dom: &str) -> Value {
    let json = dom.split("<pre id=\"driven\">").nth(1).expect("the driver came to its end");
    let json = json.split("</pre>").next().unwrap();
    serde_json::from_str(&json.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap()
}
