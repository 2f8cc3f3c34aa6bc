//! The page in a browser: a reader takes samples, draws, turns, asks. Without Chromium there is nothing to try, and the test
//! says so.

use crate::browser::{BROWSERS, Browser};
use crate::served::Served;
use convnet_augment::Augment;
use serde_json::{Value, json};

/// The name of the most probable class.
const BEST: &str = "document.querySelector('#classes .title')?.textContent";

/// The pixels of a canvas, in short.
fn pixels(id: &str) -> String {
    format!("document.getElementById('{id}').toDataURL()")
}

/// Does something and waits for the network's answer to it.
fn look(browser: &mut Browser, act: impl FnOnce(&mut Browser)) {
    let before = browser.value("Number(document.body?.dataset.looks)");
    act(browser);
    browser.until(&format!("Number(document.body?.dataset.looks) > {before}"));
}

#[test]
fn a_reader_can_choose_draw_turn_and_ask() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(folder.path()) else {
        eprintln!("skipped: no Chromium is installed ({}), so the page is not tried", BROWSERS.join(", "));
        return;
    };
    let browser = &mut browser;
    // Nothing is at hand: a small network learns painted digits.
    let served = Served::start(folder.path(), &[]);
    browser.window(1280, 900, false);
    browser.call("Page.navigate", json!({ "url": format!("http://{}/", served.host()) }));
    browser.until("Number(document.body?.dataset.looks) > 0");
    assert_eq!(browser.value("document.getElementById('name').textContent"), "painted digits");

    let mut right = 0;
    for digit in 0..10 {
        look(browser, |browser| {
            browser.value(&format!("document.querySelectorAll('#samples button')[{digit}].click()"));
        });
        right += usize::from(browser.value(BEST).as_str() == Some(&*digit.to_string()));
    }
    assert!(right >= 8, "{right} of 10 samples are recognised");

    let (heat, control) = (browser.value(&pixels("heat")), browser.value(&pixels("control")));
    assert_ne!(heat, control);
    look(browser, |browser| browser.choose("method", "5"));
    assert_ne!(browser.value(&pixels("heat")), heat, "another method, another heat");
    assert!(
        browser
            .value("document.getElementById('likeness').textContent")
            .as_str()
            .unwrap()
            .contains("Likeness")
    );
    look(browser, |browser| browser.choose("class", "4"));
    assert_eq!(browser.value("document.getElementById('explained').textContent"), "“4”");

    let upright = browser.value(&pixels("picture"));
    look(browser, |browser| browser.choose("rotation", "90"));
    browser.until(&format!("{} !== {upright}", pixels("picture")));
    assert_eq!(browser.value("document.querySelector('output[for=rotation]').textContent"), "90°");
    look(browser, |browser| {
        browser.value("document.getElementById('reset').click()");
    });
    browser.until(&format!("{} === {upright}", pixels("picture")));
    look(browser, |browser| browser.drag("picture", &[[0.3, 0.3], [0.5, 0.5]]));
    // Read from a copy: the browser would warn of a canvas that is read again and again.
    let grey = "(() => { const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }); \
                copy.drawImage(document.getElementById('picture'), 14, 14, 1, 1, 0, 0, 1, 1); \
                return copy.getImageData(0, 0, 1, 1).data[0] === 127; })()";
    browser.until(grey);
    assert_eq!(browser.value("document.getElementById('cover').hidden"), false);

    browser.value("document.getElementById('draw').click()");
    look(browser, |browser| browser.drag("pad", &[[0.5, 0.2], [0.5, 0.4], [0.49, 0.6], [0.49, 0.8]]));
    browser.until(&format!("{BEST} === '1'"));

    browser.value("document.querySelector('#ribbon button[data-path=conv_2]').click()");
    browser.until("document.body.dataset.maps === 'conv_2'");
    let alive = browser.value("document.getElementById('alive').textContent");
    assert!(alive.as_str().unwrap().starts_with("32 channels of 11×11; "), "{alive}");
    browser.drag("maps", &[[0.02, 0.1]]);
    assert_eq!(browser.value("document.getElementById('enlarged').open"), true);
    assert!(
        browser
            .value("document.getElementById('about-channel').textContent")
            .as_str()
            .unwrap()
            .contains("channel 0")
    );
    browser.value("document.getElementById('enlarged').close()");

    browser.value("document.getElementById('ascend').click()");
    browser.until("document.querySelectorAll('#filters figure').length === 4");
    browser.value("document.getElementById('preset-chapter5').click()");
    browser.until("Number(document.body?.dataset.augmented) > 0");
    let before = browser.value("document.querySelector('#nine canvas').toDataURL()");
    browser.value("document.getElementById('again').click()");
    browser.until(&format!("document.querySelector('#nine canvas').toDataURL() !== {before}"));
    let settings = browser.value("document.getElementById('settings').textContent");
    let settings: Augment = serde_json::from_str(settings.as_str().unwrap()).unwrap();
    assert_eq!(settings, Augment::chapter5(), "what is copied is what `train --augment` reads");

    for (name, width, dark) in
        [("light.png", 1280, false), ("dark.png", 1280, true), ("phone.png", 390, false)]
    {
        browser.window(width, 900, dark);
        browser.until("document.readyState === 'complete'");
        let wide = browser.value("document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= width.into(), "{name}: {wide} pixels wide");
        browser.shot(name);
    }

    let none: [&Value; 0] = [];
    for kind in ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"] {
        assert_eq!(browser.told(kind), none, "nothing is said on the console");
    }
    let ours = format!("http://{}/", served.host());
    for request in browser.told("Network.requestWillBeSent") {
        let url = request["request"]["url"].as_str().unwrap();
        assert!(
            url.starts_with(&ours) || url.starts_with("blob:") || url.starts_with("data:"),
            "a request to {url}"
        );
    }
}
