//! The command as a user meets it: what it writes, what it says when something is wrong, and that nothing is ever lost.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).env_remove("CONVNET_DATA_DIR").stdin(Stdio::null());
    command
}

/// `reproduce-chapter5 --profile smoke` into `out`, with more arguments.
fn smoke(out: &Path, more: &[&str]) -> Command {
    let mut arguments = vec!["reproduce-chapter5", "--profile", "smoke", "--out", out.to_str().unwrap()];
    arguments.extend(more);
    command(&arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit code and everything that was said.
fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_smoke_run_leaves_a_page_figures_results_and_models() {
    let folder = tempfile::tempdir().unwrap();
    let output = smoke(folder.path(), &[]).output().unwrap();
    let (code, said) = ended(&output);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains('\x1b') && !said.contains('\r'), "piped output is clean: {said:?}");
    let results: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("results.json")).unwrap()).unwrap();
    let experiments = results["experiments"].as_array().unwrap();
    let ids: Vec<_> = experiments.iter().map(|experiment| experiment["id"].as_str().unwrap()).collect();
    let digits = ["5.1", "5.1-dense", "5.1.1", "5.1.2", "5.1-shift"];
    assert_eq!(ids[..5], digits);
    assert_eq!(ids[5..9], ["5.2.1", "5.2.4", "5.2.5", "5.2.5-show"]);
    let on_a_base = ["5.3.1a", "5.3.1-pixels", "5.3.1b", "5.3.1b-unfrozen", "5.3.2", "5.3.2-block3"];
    assert_eq!(ids[9..15], on_a_base);
    assert_eq!(ids[15..], ["5.4.1", "5.4.2", "5.4.3", "5.4.3-proof"]);
    // No network that names a thousand classes comes with the program.
    let why = experiments[17]["error"].as_str().unwrap();
    assert!(experiments[17]["status"] == "skipped" && why.contains("no pretrained weights"), "{why}");
    assert!(why.contains("mini-VGG names none; take `--base auto`"), "{why}");
    for experiment in &experiments[9..15] {
        let base = experiment["base"].as_str().unwrap();
        assert!(base.starts_with("mini-VGG trained on painted scenes (comes with the program"), "{base}");
        assert!(experiment["book"].as_object().unwrap().is_empty(), "the book's figures are of another base");
        let note = experiment["note"].as_str().unwrap();
        let is_frozen = experiment["id"] != "5.3.1b-unfrozen";
        let expected = if is_frozen { "before the training and after it" } else { "Nothing was frozen" };
        assert!(note.contains(expected), "{note}");
    }
    let (filters, proof) = (&experiments[16], &experiments[18]);
    assert!(filters["status"] == "done" && filters["data"].is_null(), "it begins with noise: {filters}");
    let exciting = "figures/5.4.2-block4_conv2-exciting.svg";
    assert_eq!(filters["sources"], serde_json::json!({ exciting: "painted-creatures" }));
    assert!(filters["captions"][exciting].as_str().unwrap().starts_with("One alone misleads."));
    assert!(folder.path().join(exciting).is_file());
    assert_eq!((&proof["status"], &proof["data"]), (&"done".into(), &"painted-scenes".into()));
    assert_eq!(results["data"]["painted-scenes"]["generated"], true);
    for experiment in &experiments[..16] {
        assert_eq!(experiment["status"], "done", "{experiment}");
        let is_digits = experiment["id"].as_str().unwrap().starts_with("5.1");
        let data = if is_digits { "painted-digits" } else { "painted-creatures" };
        assert_eq!(experiment["data"], data, "a painted picture never stands for a real one");
        assert_eq!(results["data"][data]["generated"], true);
        for figure in experiment["figures"].as_array().unwrap() {
            assert!(folder.path().join(figure.as_str().unwrap()).is_file());
        }
    }
    assert_eq!(experiments[0]["metrics"]["parameters"], 93_322.0);
    assert_eq!(experiments[3]["metrics"]["without_pooling_parameters"], 2_038_922.0);
    assert_eq!(experiments[6]["metrics"]["parameters"], 3_453_121.0);
    let note = |number: usize| experiments[number]["note"].as_str().unwrap();
    assert!(
        note(0).contains("Trained for 1 epoch of 2,000 pictures; the book for 5 of 60,000."),
        "{}",
        note(0)
    );
    assert!(note(6).contains("Here, after 1 epoch, training accuracy is "), "{}", note(6));
    assert!(experiments[..9].iter().all(|experiment| experiment["predicted_mib"].as_f64().unwrap() > 10.0));
    let inside = &experiments[15];
    assert_eq!(
        inside["figures"].as_array().unwrap().len(),
        14,
        "a picture, eight layers, silence, the base's four"
    );
    let caption = inside["captions"]["figures/5.4.1-cat-block4_conv2.png"].as_str().unwrap();
    assert!(caption.contains("block4_conv2 of mini-VGG trained on painted scenes"), "{caption}");
    assert!(inside["note"].as_str().unwrap().contains("The base: mini-VGG"), "{inside}");
    for part in ["with-pooling", "without-pooling"] {
        let figure = format!("figures/5.1.2-{part}-confusion.svg");
        assert!(experiments[3]["figures"].as_array().unwrap().contains(&figure.into()), "{part}");
        assert!(folder.path().join(format!("figures/5.1.2-{part}-accuracy.svg")).is_file(), "{part}");
        let metric = format!("{}_train_accuracy", part.replace('-', "_"));
        assert!(experiments[3]["metrics"][metric].is_f64(), "{part}");
        let words = part.replace('-', " ") + " test accuracy";
        assert!(said.lines().any(|line| line.contains(&format!("  {words}  "))), "{words} in {said}");
    }
    assert_eq!(experiments[5]["title"], "The pictures: 96 to train, 40 to validate, 40 to test");
    let caption = experiments[5]["captions"]["figures/5.2.1-pictures.svg"].as_str().unwrap();
    assert!(
        caption.contains("the form of the ears"),
        "painted creatures are not told as photographs: {caption}"
    );
    let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(page.contains("painted digits"));
    assert!(!page.contains("Keras on the same files"), "Keras' figures are of other pictures");
    assert!(!said.contains("MNIST") || said.contains("not MNIST"), "{said}");
    let row = said.lines().find(|line| line.contains("The digits convnet")).unwrap();
    assert!(said.contains("painted digits") && !row.contains("99.1"), "no book's figure beside ours: {said}");
    let caption = experiments[4]["captions"]["figures/5.1-shift-accuracy.svg"].as_str().unwrap();
    let at_two = experiments[4]["metrics"]["shift_2_convnet_accuracy"].as_f64().unwrap() * 100.0;
    assert!(caption.contains(&format!("at 2 pixels the convnet recognises {at_two:.2} %")), "{caption}");
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!page.contains(outside), "the page asks for nothing outside itself: {outside}");
    }
    for id in ["5.1", "5.2.4", "5.2.5"] {
        assert!(folder.path().join(format!("models/{id}.safetensors")).is_file());
    }
}

#[test]
fn threads_and_kill_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let output = smoke(&out, more).args(["--only", "5.1"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        fs::read(out.join("models/5.1.safetensors")).unwrap()
    };
    let expected = run("one", &["--threads", "1"]);
    for threads in ["2", "3", "8"] {
        assert!(run(threads, &["--threads", threads]) == expected, "{threads} threads");
    }
    assert!(run("seed", &["--seed", "2"]) != expected, "another seed is another run");

    // Killed at any moment, resumed, killed again: the same weights in the end.
    for delay in [60, 150, 250, 400, 700] {
        let out = folder.path().join(format!("killed-{delay}"));
        for _ in 0..2 {
            let mut child =
                smoke(&out, &["--only", "5.1", "--resume"]).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(run(&format!("killed-{delay}"), &["--resume"]) == expected, "killed after {delay} ms");
    }
}

#[test]
fn a_training_that_was_finished_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let models = |out: &Path| {
        ["5.1.2-with-pooling", "5.1.2-without-pooling"]
            .map(|name| fs::read(out.join(format!("models/{name}.safetensors"))).unwrap())
    };
    assert!(smoke(&whole, &["--only", "5.1.2"]).output().unwrap().status.success());

    let mut run = smoke(&killed, &["--only", "5.1.2"]).stderr(Stdio::null()).spawn().unwrap();
    let second = killed.join("models/5.1.2-without-pooling.checkpoint.safetensors");
    while !second.exists() && run.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    run.kill().unwrap();
    assert!(!run.wait().unwrap().success() && second.exists(), "killed in the second training");
    let (code, said) = ended(&smoke(&killed, &["--only", "5.1.2", "--resume"]).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("5.1.2-with-pooling  taken over; all 1 epochs were done before"), "{said}");
    assert!(said.contains("5.1.2-without-pooling  goes on; done before: 0 of 1 epochs"), "{said}");
    assert!(models(&killed) == models(&whole));
    let left = fs::read_dir(killed.join("models")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("checkpoint")));
}

#[test]
fn needs_are_run_or_taken_from_an_earlier_run() {
    let folder = tempfile::tempdir().unwrap();
    let first = smoke(folder.path(), &["--only", "5.1-shift"]).output().unwrap();
    let (code, said) = ended(&first);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("5.1-dense"), "{said}");
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1-shift"]).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("taken from an earlier run").count(), 2, "{said}");
    let (_, said) = ended(&smoke(folder.path(), &["--only", "5.1-shift", "--seed", "5"]).output().unwrap());
    assert!(!said.contains("taken from an earlier run"), "another seed needs another model: {said}");
}

/// A run with another seed ends between its model and its record.
#[test]
fn a_record_never_stands_beside_the_model_of_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1-shift"]).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    let model = || fs::read(folder.path().join("models/5.1.safetensors")).unwrap();
    let first = model();
    let figure = folder.path().join("figures/5.1-confusion.svg");
    fs::remove_file(&figure).unwrap();
    fs::create_dir(&figure).unwrap();
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1", "--seed", "2"]).output().unwrap());
    assert_eq!(code, Some(1), "{said}");
    assert!(model() != first, "the other seed's model has been written");
    fs::remove_dir(&figure).unwrap();
    fs::write(&figure, "").unwrap();
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1-shift"]).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("5.1  taken") && said.contains("5.1-dense  taken"), "{said}");
    assert!(model() == first);
}

#[test]
fn a_model_that_is_gone_or_changed_or_of_other_settings_is_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1-shift"]).output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        said
    };
    run();
    let model = folder.path().join("models/5.1-dense.safetensors");
    let bytes = fs::read(&model).unwrap();
    fs::remove_file(&model).unwrap();
    let said = run();
    assert!(said.contains("5.1  taken") && !said.contains("5.1-dense  taken"), "gone: {said}");
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&model, changed).unwrap();
    assert!(!run().contains("5.1-dense  taken"), "changed");
    assert!(fs::read(&model).unwrap() == bytes);
    let record = folder.path().join("models/5.1-dense.json");
    let kept = fs::read_to_string(&record).unwrap();
    let other = kept.replacen(r#"\"batch_size\":128"#, r#"\"batch_size\":32"#, 1);
    assert_ne!(kept, other, "the settings are kept");
    fs::write(&record, other).unwrap();
    assert!(!run().contains("5.1-dense  taken"), "of other settings");
}

#[test]
fn results_of_other_experiments_with_the_same_settings_stay() {
    let folder = tempfile::tempdir().unwrap();
    let ids = |more: &[&str]| {
        let (code, said) = ended(&smoke(folder.path(), more).output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        let results = fs::read(folder.path().join("results.json")).unwrap();
        let results: serde_json::Value = serde_json::from_slice(&results).unwrap();
        let experiments = results["experiments"].as_array().unwrap().iter();
        let ids: Vec<_> = experiments.map(|record| record["id"].as_str().unwrap().to_string()).collect();
        (ids, said)
    };
    ids(&["--only", "5.1.1"]);
    let (found, said) = ids(&["--only", "5.1-dense"]);
    assert_eq!(found, ["5.1-dense", "5.1.1"]);
    assert!(!said.contains("are replaced"), "{said}");
    let (found, said) = ids(&["--only", "5.1.1", "--seed", "2"]);
    assert_eq!(found, ["5.1.1"]);
    assert!(
        said.contains("profile smoke, seed 1, on painted digits: those of 5.1-dense, 5.1.1 are replaced"),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_may_be_full_or_closed() {
    let folder = tempfile::tempdir().unwrap();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for more in [&["--plan"][..], &["--only", "5.1.1"]] {
        let output = smoke(folder.path(), more).stdout(full()).output().unwrap();
        let (code, said) = ended(&output);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("standard output cannot be written") && !said.contains("panicked"), "{said}");
        // Nobody reads it any more, as after `head`.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, said) = ended(&smoke(folder.path(), more).stdout(writer).output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |isa: &str| ended(&smoke(folder.path(), &["--plan"]).env("CONVNET_ISA", isa).output().unwrap());
    let (code, said) = run("axv2");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`axv2`") && said.contains("scalar"), "{said}");
    let (code, said) = run("scalar");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("scalar"), "{said}");
}

#[test]
fn the_plan_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (code, said) = ended(&smoke(&out, &["--plan", "--only", "5.1*"]).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    for words in ["5.1-shift", "painted digits", "to read or paint the digits", "MiB", "together about"] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(!out.exists());
}

#[test]
fn the_plan_tells_which_places_were_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong");
    let mut plan = smoke(&folder.path().join("out"), &["--plan", "--only", "5.1,5.2.1", "--data", "auto"]);
    plan.env("CONVNET_DATA_DIR", &wrong).env("CONVNET_CACHE", folder.path());
    let (code, said) = ended(&plan.output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    let told = format!("CONVNET_DATA_DIR: {}: no such folder", wrong.display());
    assert_eq!(said.matches(&told).count(), 2, "for the digits, and for cats and dogs: {said}");
}

#[test]
fn wrong_usage_is_told_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.7"]).output().unwrap());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no experiment is called `5.7`") && said.contains("5.1-shift"), "{said}");
    for wrong in
        [vec!["--threads", "0"], vec!["--profile", "huge"], vec!["--seed", "x"], vec!["--bass", "auto"]]
    {
        let (code, said) = ended(&smoke(folder.path(), &wrong).output().unwrap());
        assert_eq!(code, Some(2), "{said}");
    }
    let absent = folder.path().join("absent");
    let (code, said) = ended(&smoke(folder.path(), &["--data", absent.to_str().unwrap()]).output().unwrap());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("absent"), "{said}");
}

#[test]
fn damaged_data_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mnist = folder.path().join("data/mnist");
    fs::create_dir_all(&mnist).unwrap();
    let names = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];
    for name in names {
        fs::write(mnist.join(name), [0, 0, 8, 3, 0, 0, 0, 1]).unwrap();
    }
    let data = folder.path().join("data");
    let out = folder.path().join("out");
    let (code, said) = ended(&smoke(&out, &["--data", data.to_str().unwrap()]).output().unwrap());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("train-images-idx3-ubyte"), "{said}");
    assert!(!out.join("results.json").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let (code, said) = ended(&smoke(&file, &[]).output().unwrap());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("file"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_what_was_found_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("results.json")).unwrap();
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1"]).output().unwrap());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("results.json") && said.contains("space"), "{said}");
    assert!(folder.path().join("models/5.1.safetensors").is_file());
}

#[test]
fn two_runs_never_write_into_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = smoke(folder.path(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !folder.path().join(".lock").exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first run has ended early");
        std::thread::sleep(Duration::from_millis(1));
    }
    // The lock is taken right behind the making of its file.
    std::thread::sleep(Duration::from_millis(50));
    let (code, said) = ended(&smoke(folder.path(), &[]).output().unwrap());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("another run is writing into"), "{said}");
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("models")).unwrap();
    let checkpoint = folder.path().join("models/5.1.checkpoint.safetensors");
    fs::write(&checkpoint, [7; 100]).unwrap();
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1", "--resume"]).output().unwrap());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("5.1.checkpoint.safetensors"), "{said}");
    assert_eq!(fs::read(&checkpoint).unwrap(), [7; 100]);
    // Without --resume a run begins anew.
    let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1"]).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("models/5.1.checkpoint.safetensors");
    let run = smoke(folder.path(), &["--only", "5.1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut waited = 0;
    while !checkpoint.exists() {
        std::thread::sleep(Duration::from_millis(1));
        waited += 1;
        assert!(waited < 60_000, "no checkpoint came");
    }
    let interrupted = Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let (code, said) = ended(&run.wait_with_output().unwrap());
    // The run may have ended in the very moment.
    if code != Some(0) {
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("--resume"), "{said}");
        assert!(checkpoint.is_file());
        let (code, said) = ended(&smoke(folder.path(), &["--only", "5.1", "--resume"]).output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        assert!(!checkpoint.exists());
        let results = fs::read(folder.path().join("results.json")).unwrap();
        let results: serde_json::Value = serde_json::from_slice(&results).unwrap();
        let record = &results["experiments"][0];
        assert!(record["note"].as_str().unwrap().contains("Resumed"), "{record}");
        assert!(record.get("predicted_seconds").is_none(), "a part is not compared with the whole: {record}");
    }
}

#[test]
fn the_plan_names_the_base_or_says_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |more: &[&str]| {
        let output = smoke(folder.path(), &["--plan", "--only", "5.3.1a"]).args(more).output().unwrap();
        let (code, said) = ended(&output);
        assert_eq!(code, Some(0), "{said}");
        said.lines().find(|line| line.starts_with("base: ")).unwrap().to_string()
    };
    let bundled = "base: mini-VGG trained on painted scenes (comes with the program)";
    assert_eq!(plan(&[]), bundled, "the smoke run");
    assert_eq!(plan(&["--base", "auto"]), bundled, "nothing better is at hand");
    assert!(plan(&["--base", "vgg16"]).starts_with("base: none, so that its experiments are skipped"));
    let Some(data) = std::env::var_os("CONVNET_DATA_DIR") else { return };
    let line = plan(&["--base", "auto", "--data", data.to_str().unwrap()]);
    assert!(line.starts_with("base: VGG16 trained on ImageNet (folder; "), "{line}");
}

/// Section 5.3 on real pictures and a real base, where they are at hand: all its ways, what was frozen proven, and the same
/// again when it was killed.
#[test]
fn a_pretrained_base_is_used_in_all_the_ways_of_the_chapter() {
    let Some(data) = std::env::var_os("CONVNET_DATA_DIR") else {
        println!("CONVNET_DATA_DIR is not set: not tried on a real base");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let mut command =
            smoke(&out, &["--only", "5.3*", "--base", "mobilenet", "--data", data.to_str().unwrap()]);
        let (code, said) = ended(&command.args(more).output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        (out, said)
    };
    let (out, said) = run("whole", &["--threads", "2"]);
    let results: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("results.json")).unwrap()).unwrap();
    let experiments = results["experiments"].as_array().unwrap();
    let on_a_base: Vec<_> = experiments
        .iter()
        .filter(|experiment| experiment["id"].as_str().unwrap().starts_with("5.3"))
        .collect();
    assert_eq!(on_a_base.len(), 6, "{said}");
    for experiment in &on_a_base {
        assert_eq!(experiment["status"], "done", "{experiment}");
        assert_eq!(experiment["data"], "cats-and-dogs");
        assert!(experiment["base"].as_str().unwrap().starts_with("MobileNet"), "{experiment}");
        assert!(experiment["metrics"]["test_accuracy"].as_f64().unwrap() > 0.0);
        let note = experiment["note"].as_str().unwrap();
        let is_frozen = experiment["id"] != "5.3.1b-unfrozen";
        let expected = if is_frozen { "before the training and after it" } else { "Nothing was frozen" };
        assert!(note.contains(expected), "{note}");
        assert!(
            note.contains("not those of this base") && experiment["book"].as_object().unwrap().is_empty()
        );
    }
    let figures = on_a_base[5]["figures"].as_array().unwrap();
    for figure in ["ways", "cost", "confusion"] {
        assert!(figures.contains(&format!("figures/5.3.2-block3-{figure}.svg").into()), "{figure}");
    }
    let note = |number: usize| on_a_base[number]["note"].as_str().unwrap();
    assert!(note(1).contains("was trained on pixels in the range MinusOneToOne"), "{}", note(1));
    assert!(note(1).contains("The range of pixels alone moves"), "{}", note(1));
    assert!(said.contains("features of validation pictures: taken from"), "{said}");

    // The features of an earlier run are taken, and no bit of a model changes.
    let again = folder.path().join("again");
    fs::create_dir_all(&again).unwrap();
    fs::rename(out.join("features"), again.join("features")).unwrap();
    let (again, said) = run("again", &["--threads", "1"]);
    assert!(said.contains("features of train pictures: taken from"), "{said}");
    for id in ["5.3.1a", "5.3.1b", "5.3.2", "5.3.1b-unfrozen"] {
        let model = |out: &Path| fs::read(out.join(format!("models/{id}.safetensors"))).unwrap();
        assert!(model(&again) == model(&out), "{id}");
    }
}

/// Section 5.4 on real pictures and real weights, where they are at hand.
#[test]
fn what_convnets_learn_is_shown_on_real_weights() {
    let Some(data) = std::env::var_os("CONVNET_DATA_DIR") else {
        println!("CONVNET_DATA_DIR is not set: not tried on real weights");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, only: &str, base: &str| {
        let out = folder.path().join(name);
        let more = ["--only", only, "--base", base, "--data", data.to_str().unwrap()];
        let (code, said) = ended(&smoke(&out, &more).output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        let results = fs::read(out.join("results.json")).unwrap();
        let results: serde_json::Value = serde_json::from_slice(&results).unwrap();
        (out, results)
    };
    let (out, results) = run("mobilenet", "5.4", "mobilenet");
    let of = |results: &serde_json::Value, id: &str| {
        let all = results["experiments"].as_array().unwrap();
        all.iter().find(|experiment| experiment["id"] == id).unwrap().clone()
    };
    for id in ["5.4.1", "5.4.2", "5.4.3"] {
        let found = of(&results, id);
        assert_eq!(found["status"], "done", "{found}");
        for figure in found["figures"].as_array().unwrap() {
            assert!(out.join(figure.as_str().unwrap()).is_file(), "{figure}");
        }
    }
    let shares = of(&results, "5.4.2")["metrics"].clone();
    assert!(shares["energy_below_highest_band_conv_pw_11"].is_f64(), "{shares}");
    // The base that was asked for, and no other, in all three.
    let inside = of(&results, "5.4.1");
    for picture in ["cat", "elephants"] {
        let caption = &inside["captions"][format!("figures/5.4.1-{picture}-conv_pw_11.png")];
        assert!(caption.as_str().is_some_and(|words| words.contains("MobileNet")), "{inside}");
    }
    let note = of(&results, "5.4.3")["note"].as_str().unwrap().to_string();
    assert!(
        note.contains("MobileNet, a quarter as wide takes the elephants for: African elephant"),
        "{note}"
    );
    assert!(!note.contains("EfficientNet"), "{note}");

    let (out, results) = run("efficientnet", "5.4.3", "efficientnet_lite0");
    let heat = of(&results, "5.4.3");
    // PyTorch on the same weights and Pillow's pixels gives 0.8081.
    let probability = heat["metrics"]["african_elephant"].as_f64().unwrap();
    assert!((probability - 0.8081).abs() < 0.01, "{probability}");
    let note = heat["note"].as_str().unwrap();
    assert!(note.contains("EfficientNet-Lite0 takes the elephants for: African elephant 0.8"), "{note}");
    assert!(note.contains("on 2 of the test pictures of cats and dogs, drawn with seed 1"), "{note}");
    for (measure, expected) in [("average_drop", 0.05..0.95), ("sparseness", 0.05..0.95)] {
        let found = heat["metrics"][format!("grad_cam_{measure}")].as_f64().unwrap();
        assert!(expected.contains(&found), "{measure} {found}");
    }
    let share = heat["metrics"]["neighbours_of_the_same_class"].as_f64().unwrap();
    assert!(share > 0.6, "a network that knows breeds finds cats near cats: {share}");
    // Each figure says what it shows: the elephants are no cats and dogs.
    assert_eq!(heat["data"], "elephants");
    assert_eq!(results["data"]["elephants"]["title"], "the book's elephants");
    for (figure, source) in [
        ("elephants-efficientnet_lite0.png", "elephants"),
        ("cat-efficientnet_lite0.png", "cats-and-dogs"),
        ("similar.svg", "cats-and-dogs"),
    ] {
        assert_eq!(heat["sources"][format!("figures/5.4.3-{figure}")], source, "{heat}");
    }
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("real data: the book's elephants") && page.contains("real data: cats and dogs"));
}
