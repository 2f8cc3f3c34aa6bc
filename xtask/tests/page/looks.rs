//! The page of the whole chapter as it looks: its table, its weight, in light, in dark, and on a phone.

use super::browser::{browser, driven, driven_page, dumped, smoke_page};
use serde_json::Value;
use std::fs;
use std::path::Path;

const LOOKS: &str = include_str!("looks.js");

/// What the page of the smoke run may weigh, in bytes. Its figures are the fewest and smallest; that of profile `book` shall stay
/// below 15 MB.
const HEAVIEST: usize = 9_000_000;

/// Contrast that WCAG asks of words (level AA), 1 to 21.
const READABLE: f64 = 4.5;

/// A phone's width: no window of Chromium is as narrow, so that the page stands in a frame.
const PHONE: &str = r#"<!DOCTYPE html><iframe src="looked.html" style="width:390px;height:844px;border:0"></iframe>
<script>addEventListener("message", ({ data }) => {
  document.body.append(Object.assign(document.createElement("pre"), { id: "driven", textContent: data }));
});</script>"#;

/// What the looks find in a window of this size.
fn looked(browser: &str, page: &Path, folder: &Path, more: &[&str]) -> Value {
    let (dom, console) = dumped(browser, page, folder, more);
    assert_eq!(console, "", "nothing is said on the console");
    let looked = driven(&dom);
    assert_eq!(looked["requests"], Value::Array(Vec::new()), "nothing is asked for outside the page");
    assert_eq!(looked["broken"], 0, "every image loads");
    assert!(looked["missing"].as_array().unwrap().is_empty(), "every figure is there: {}", looked["missing"]);
    assert_eq!(looked["withoutWords"], 0, "every figure says what to see in it");
    let contrast = &looked["worstContrast"];
    assert!(contrast["ratio"].as_f64().unwrap() >= READABLE, "hard to read: {contrast}");
    assert!(looked["read"].as_u64().unwrap() > 300, "all words were looked at: {}", looked["read"]);
    looked
}

#[test]
fn the_whole_chapter_is_readable_in_light_in_dark_and_on_a_phone() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let page = smoke_page(&out, &[]);
    assert!(page.len() < HEAVIEST, "{} bytes", page.len());
    let copy = folder.path().join("looked.html");
    // As long as the name of VGG16's file, at which no line is broken by itself.
    let bundled = "comes with the program";
    assert!(page.contains(bundled));
    let page = page.replace(bundled, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5");
    fs::write(&copy, driven_page(&page, LOOKS)).unwrap();
    let frame = folder.path().join("phone.html");
    fs::write(&frame, PHONE).unwrap();
    let wide = "--window-size=1200,1000";
    let in_window = |more: &[&str]| looked(browser, &copy, folder.path(), more);

    let light = in_window(&[wide]);
    assert_eq!((&light["width"], &light["isDark"]), (&1200.into(), &false.into()));
    assert!(light["paper"].as_f64().unwrap() > 0.8, "light paper: {}", light["paper"]);
    table_is_complete(&light, &out);

    let dark = in_window(&[wide, "--blink-settings=preferredColorScheme=0"]);
    assert_eq!(dark["isDark"], true);
    assert!(dark["paper"].as_f64().unwrap() < 0.05, "dark paper: {}", dark["paper"]);
    assert_eq!(dark["rows"], light["rows"], "the same words");

    let phone = looked(browser, &frame, folder.path(), &[wide]);
    assert_eq!(phone["width"], 390);
    assert_eq!(phone["sideways"], 0, "nothing pushes the page to the side");
    assert_eq!(phone["rows"], light["rows"], "the same words");
    for (window, of) in [("wide", &light), ("phone", &phone)] {
        let words = &of["smallestWords"];
        assert!(words["pixels"].as_f64().unwrap() >= 7.0, "{window}: too small to read: {words}");
    }
}

/// Every experiment has its row, its section and its cost; every row all of its cells, filled.
fn table_is_complete(looked: &Value, out: &Path) {
    let results: Value = serde_json::from_slice(&fs::read(out.join("results.json")).unwrap()).unwrap();
    let experiments = results["experiments"].as_array().unwrap();
    assert_eq!(
        looked["head"],
        serde_json::json!(["Experiment", "Figure", "Book", "Ours", "Why they differ"])
    );
    let ids: Vec<_> = experiments.iter().map(|experiment| experiment["id"].clone()).collect();
    assert_eq!(looked["ids"], Value::Array(ids.clone()));
    let sections: Vec<Value> =
        ids.iter().map(|id| format!("experiment-{}", id.as_str().unwrap()).into()).collect();
    assert_eq!(looked["sections"], Value::Array(sections));
    let rows = looked["rows"].as_array().unwrap();
    for row in rows {
        let cells = row.as_array().unwrap();
        assert!(cells.iter().all(|cell| !cell.as_str().unwrap().is_empty()), "an empty cell: {row}");
    }
    let of = |id: &str| rows.iter().find(|row| row[0].as_str().unwrap().starts_with(id)).unwrap();
    let accuracy = experiments[0]["metrics"]["test_accuracy"].as_f64().unwrap();
    let ours = of("5.1 ")[3].as_str().unwrap();
    assert!(ours.starts_with(&format!("{:.2} %", accuracy * 100.0)), "{ours}");
    assert_eq!(of("5.1 ")[2], "99.1–99.3 %");
    assert!(ours.ends_with("not comparable"), "a few steps on painted digits: {ours}");
    // What ran has its cost, predicted and true.
    let costs = looked["costs"].as_array().unwrap();
    let ran: Vec<_> = experiments.iter().filter(|experiment| experiment["status"] != "skipped").collect();
    assert_eq!(costs.len(), ran.len());
    for (cost, experiment) in costs.iter().zip(ran) {
        assert_eq!(cost[0], experiment["id"]);
        for cell in 1..5 {
            assert_ne!(cost[cell], "–", "{cost}");
        }
    }
}
