//! Reads the sources and says where they break the rules of the house: invariants 1, 2 and 11 of ARCHITECTURE.md, the
//! arrows between crates, a README per crate, links that lead nowhere, and traces of somebody's computer.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

mod arrows;
mod source;
mod text;

use arrows::{HTTP_CLIENTS, arrows};
use source::Line;
use text::{links, traces};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// From 1; 0 where the whole file is meant.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Checks the repository at `root`; nothing found means clean. Findings are sorted by file and line.
pub(crate) fn tidy(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let paths = files(root);
    for path in &paths {
        let Ok(bytes) = fs::read(root.join(path)) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let mut found: Vec<(usize, String)> = Vec::new();
        if !path.ends_with("Cargo.lock") {
            found.extend(traces(&text));
        }
        if path.ends_with(".rs") {
            let lines = source::lines(&text);
            found.extend(unsafe_code(path, &lines));
            found.extend(threads_and_connections(path, &lines));
            found.extend(printing(path, &lines));
        } else if path.ends_with(".md") {
            found.extend(links(root, path, &text));
        } else if path.ends_with("Cargo.toml") {
            found.extend(arrows(&text));
            found.extend(readme(path, &paths));
        }
        let finding = |(line, message)| Finding { path: path.clone(), line, message };
        findings.extend(found.into_iter().map(finding));
    }
    findings.sort();
    findings
}

/// Paths of all files that are, or could be, part of the repository.
fn files(root: &Path) -> BTreeSet<String> {
    if root.join(".git").exists() {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output();
        if let Ok(output) = listed
            && output.status.success()
        {
            let names = String::from_utf8_lossy(&output.stdout);
            return names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        }
    }
    let mut found = BTreeSet::new();
    walk(root, root, &mut found);
    found
}

fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != ".git" && name != "target" {
                walk(root, &path, found);
            }
        } else if let Ok(inside) = path.strip_prefix(root) {
            found.insert(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// A test, example or bench: code that no user of a library runs.
fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| ["tests", "tests.rs", "benches", "examples"].contains(&part))
}

/// Invariant 1: unsafe code only in `crates/cpu`, and explained there.
fn unsafe_code(path: &str, lines: &[Line]) -> Vec<(usize, String)> {
    let inside = path.starts_with("crates/cpu/");
    let mut found = Vec::new();
    let is_root = ["src/lib.rs", "src/main.rs"].iter().any(|root| path.ends_with(root));
    if !inside && is_root && !lines.iter().any(|line| line.code.contains("#![forbid(unsafe_code)]")) {
        found.push((
            1,
            "the root of a crate other than cpu must begin with #![forbid(unsafe_code)]".to_owned(),
        ));
    }
    for (index, line) in lines.iter().enumerate() {
        let Some(rest) = line.after_word("unsafe") else { continue };
        if !inside {
            found.push((index + 1, "unsafe code may only stand in crates/cpu".to_owned()));
        } else if !is_function_pointer(rest)
            && !implements_contract(lines, index, rest)
            && !is_explained(lines, index)
        {
            found.push((index + 1, "unsafe without a `// SAFETY:` comment right before it".to_owned()));
        }
    }
    found
}

/// `unsafe fn(f32)` is a type: whoever calls it explains.
fn is_function_pointer(rest: &str) -> bool {
    rest.split_once("fn").is_some_and(|(between, after)| {
        after.starts_with('(') && ["", "extern", "extern \""].contains(&between.trim())
    })
}

/// An unsafe method of `impl Trait for Type`: the trait says what its callers promise.
fn implements_contract(lines: &[Line], index: usize, rest: &str) -> bool {
    let indent = |line: &Line| line.code.len() - line.code.trim_start().len();
    let own = indent(&lines[index]);
    let outer = lines[..index].iter().rev().find(|line| {
        let code = line.code.trim();
        !code.is_empty() && code != "{" && indent(line) < own
    });
    let implements = |line: &Line| line.has_word("impl") && line.has_word("for");
    rest.trim_start().starts_with("fn ") && outer.is_some_and(implements)
}

/// Looks upwards over comments, attributes and the beginning of the same statement. A function's contract may
/// also stand under `# Safety` in its documentation.
fn is_explained(lines: &[Line], index: usize) -> bool {
    let explains = |line: &Line| line.comment.contains("SAFETY:") || line.comment.contains("# Safety");
    if explains(&lines[index]) {
        return true;
    }
    for line in lines[..index].iter().rev() {
        if explains(line) {
            return true;
        }
        let code = line.code.trim();
        let goes_on = if code.is_empty() {
            !line.comment.is_empty()
        } else {
            code.starts_with("#[") || !code.ends_with([';', '{', '}', ','])
        };
        if !goes_on {
            return false;
        }
    }
    false
}

/// Invariant 2: one file decides about threads, one package opens connections.
fn threads_and_connections(path: &str, lines: &[Line]) -> Vec<(usize, String)> {
    let threads = path == "crates/cpu/src/parallel.rs" || path.starts_with("crates/data/");
    let connections = path.starts_with("datasets/");
    // The local page is served, not fetched.
    let serves = path.starts_with("crates/cli/");
    let test_file = is_test_file(path);
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.test && !test_file) {
        if !threads && line.has_word("rayon") {
            found.push((
                index + 1,
                "only crates/cpu/src/parallel.rs (and data, to decode) names rayon".to_owned(),
            ));
        }
        let sockets = ["TcpStream", "UdpSocket"].into_iter().chain((!serves).then_some("TcpListener"));
        for word in HTTP_CLIENTS.into_iter().chain(sockets).filter(|word| !connections && line.has_word(word))
        {
            found.push((index + 1, format!("only datasets opens connections, so only it may name {word}")));
        }
    }
    found
}

/// Invariant 11: libraries report and return; programs print and exit.
fn printing(path: &str, lines: &[Line]) -> Vec<(usize, String)> {
    let library =
        (path.starts_with("crates/") && !path.starts_with("crates/cli/")) || path.starts_with("datasets/");
    if !library || is_test_file(path) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.test) {
        for name in ["print", "println", "eprint", "eprintln", "dbg"] {
            if line.after_word(name).is_some_and(|rest| rest.starts_with('!')) {
                found
                    .push((index + 1, format!("a library never prints ({name}!): return it or tell a sink")));
            }
        }
        if line.code.contains("process::exit") || line.code.contains("process::abort") {
            found.push((index + 1, "a library never ends the program: return an error".to_owned()));
        }
    }
    found
}

/// Each crate that others may import says what it is.
fn readme(path: &str, paths: &BTreeSet<String>) -> Option<(usize, String)> {
    let folder = path.strip_suffix("/Cargo.toml")?;
    let expected = (folder.starts_with("crates/") && folder.split('/').count() == 2) || folder == "datasets";
    let missing = expected && !paths.contains(&format!("{folder}/README.md"));
    missing.then(|| (0, format!("the crate lacks its own {folder}/README.md")))
}

#[cfg(test)]
mod fake_tree;

#[cfg(test)]
mod tests {
    use super::fake_tree::{clean, finds};

    #[test]
    fn unsafe_stays_in_cpu_and_is_explained() {
        let explained = "// SAFETY: the token proves the feature.\nlet y = unsafe { load(x) };\n";
        clean(&[("crates/cpu/src/simd.rs", explained)]);
        clean(&[(
            "crates/cpu/src/simd.rs",
            "/// # Safety\n/// Needs AVX2.\n#[inline]\npub unsafe fn f() {}\n",
        )]);
        clean(&[("crates/cpu/src/simd.rs", "// SAFETY: checked above.\nlet y =\n    unsafe { load(x) };\n")]);
        clean(&[("crates/cpu/src/simd.rs", "type F = unsafe fn(f32) -> f32;\n")]);
        clean(&[(
            "crates/cpu/src/simd.rs",
            "impl Simd for Avx2 {\n    fn a() {}\n    unsafe fn load() {}\n}\n",
        )]);
        finds(
            &[("crates/cpu/src/simd.rs", "impl Avx2 {\n    unsafe fn load() {}\n}")],
            "crates/cpu/src/simd.rs:2",
            "SAFETY",
        );
        let bare = "// SAFETY: for the first.\nlet y = unsafe { load(x) };\nlet z = unsafe { load(x) };\n";
        finds(&[("crates/cpu/src/simd.rs", bare)], "crates/cpu/src/simd.rs:3", "SAFETY");
        finds(
            &[("crates/cpu/src/simd.rs", "unsafe impl Send for X {}")],
            "crates/cpu/src/simd.rs:1",
            "SAFETY",
        );
        finds(&[("crates/tensor/src/shape.rs", explained)], "crates/tensor/src/shape.rs:2", "crates/cpu");
        clean(&[("crates/tensor/src/shape.rs", "// unsafe\nlet a = \"unsafe\";\n")]);
    }

    #[test]
    fn every_other_root_forbids_unsafe() {
        clean(&[("crates/cpu/src/lib.rs", "//! Loops.\n")]);
        clean(&[("crates/tensor/src/lib.rs", "//! Tensors.\n#![forbid(unsafe_code)]\n")]);
        finds(&[("crates/tensor/src/lib.rs", "//! Tensors.\n")], "crates/tensor/src/lib.rs:1", "forbid");
        finds(&[("xtask/src/main.rs", "// #![forbid(unsafe_code)]\n")], "xtask/src/main.rs:1", "forbid");
    }

    #[test]
    fn threads_and_connections_have_one_place() {
        clean(&[("crates/cpu/src/parallel.rs", "use rayon::prelude::*;\n")]);
        clean(&[("crates/data/src/decode.rs", "use rayon::prelude::*;\n")]);
        finds(
            &[("crates/cpu/src/gemm/mod.rs", "use rayon::prelude::*;")],
            "crates/cpu/src/gemm/mod.rs:1",
            "rayon",
        );
        clean(&[("datasets/src/transfer.rs", "use ureq::Agent;\n")]);
        finds(&[("crates/train/src/fit.rs", "\nureq::get(x);")], "crates/train/src/fit.rs:2", "ureq");
        finds(&[("xtask/src/lab.rs", "use std::net::TcpStream;")], "xtask/src/lab.rs:1", "TcpStream");
        clean(&[("crates/cli/src/explore.rs", "use std::net::TcpListener;\n")]);
        clean(&[("crates/train/tests/fit.rs", "use std::net::TcpListener;\n")]);
        clean(&[("crates/train/src/fit.rs", "#[cfg(test)]\nmod tests {\n    use std::net::TcpStream;\n}\n")]);
    }

    #[test]
    fn libraries_do_not_print() {
        finds(&[("crates/train/src/fit.rs", "println!(\"x\");")], "crates/train/src/fit.rs:1", "println!");
        finds(&[("datasets/src/a.rs", "std::process::exit(1);")], "datasets/src/a.rs:1", "never ends");
        clean(&[("crates/train/src/fit.rs", "/// println!()\nfn println() {}\n")]);
        clean(&[("xtask/src/lab.rs", "println!(\"x\");\n"), ("crates/cli/src/run.rs", "println!(\"x\");\n")]);
        clean(&[("crates/train/examples/fit.rs", "println!(\"x\");\n")]);
    }

    #[test]
    fn each_crate_has_a_readme() {
        let manifest = "[package]\nname = \"convnet-cpu\"\n";
        finds(&[("crates/cpu/Cargo.toml", manifest)], "crates/cpu/Cargo.toml", "README.md");
        clean(&[("crates/cpu/Cargo.toml", manifest), ("crates/cpu/README.md", "# cpu\n")]);
        clean(&[("xtask/Cargo.toml", "[package]\nname = \"xtask\"\n")]);
    }
}
