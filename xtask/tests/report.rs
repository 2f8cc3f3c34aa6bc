//! `report` builds the page again, and takes what it reads for what anybody may have written.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn xtask(arguments: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).arg("--out").arg(out).env_remove("CONVNET_DATA_DIR").output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_page_comes_out_the_same_and_hostile_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let run = xtask(&["reproduce-chapter5", "--profile", "smoke", "--only", "5.1,5.1.1"], out);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let (page, results) = (out.join("index.html"), out.join("results.json"));
    let first = fs::read(&page).unwrap();
    fs::remove_file(&page).unwrap();
    let again = xtask(&["report"], out);
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    assert!(said(&again).contains("index.html (2 experiments, with the network of 5.1 to draw for)"));
    assert_eq!(fs::read(&page).unwrap(), first, "the same page, byte for byte");
    // Everything that the page shows lies beside it as a file too.
    let text = fs::read_to_string(&results).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    for what in ["accuracy", "loss", "confusion", "per-class"] {
        assert!(out.join(format!("figures/5.1-{what}.svg")).is_file(), "{what}");
    }
    let cells = &json["experiments"][0]["cells"]["figures/5.1-confusion.svg"];
    assert!(out.join(cells["pictures"].as_str().unwrap()).is_file(), "{cells}");

    // Without its model the page says why nobody can draw; a file that is no model is not run.
    let model = out.join("models/5.1.safetensors");
    fs::write(&model, b"\xff\xff\xff\xff\xff\xff\xff\x7f{\"</script>\":").unwrap();
    assert_eq!(xtask(&["report"], out).status.code(), Some(0));
    let without = fs::read_to_string(&page).unwrap();
    assert!(without.contains("run 5.1 again") && !without.contains("id=\"live-network\""));

    for (hostile, expected) in [
        (text.replace("figures/5.1-confusion.svg", "../../5.1-confusion.svg"), "without '..'"),
        ("[".repeat(200_000), "is not a results file"),
        (text.replace("\"version\": 1", "\"version\": 7"), "has version 7"),
        (text[..text.len() / 2].to_owned(), "is not a results file"),
    ] {
        fs::write(&results, hostile).unwrap();
        let refused = xtask(&["report"], out);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains(expected), "{}", said(&refused));
        assert_eq!(fs::read_to_string(&page).unwrap(), without, "the page of before stays");
    }
    fs::write(&results, text.replace("The digits convnet", "<script>alert(1)</script>")).unwrap();
    assert_eq!(xtask(&["report"], out).status.code(), Some(0));
    let escaped = fs::read_to_string(&page).unwrap();
    assert!(escaped.contains("&lt;script&gt;alert(1)") && !escaped.contains("<script>alert"));

    let none = xtask(&["report"], &out.join("none"));
    assert_eq!(none.status.code(), Some(2));
    assert!(said(&none).contains("results.json: no such file or folder"), "{}", said(&none));
}
