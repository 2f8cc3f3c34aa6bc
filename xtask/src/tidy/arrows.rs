//! Which crate may depend on which.

use std::collections::{BTreeMap, BTreeSet};

/// Who may use whom, and through them what they use. Arrows point down only.
const ARROWS: &[(&str, &[&str])] = &[
    ("convnet-cpu", &[]),
    ("convnet-tensor", &["convnet-cpu"]),
    ("convnet-autograd", &["convnet-tensor"]),
    ("convnet-layers", &["convnet-autograd"]),
    ("convnet-augment", &["convnet-tensor"]),
    ("convnet-data", &["convnet-augment"]),
    ("convnet-train", &["convnet-layers", "convnet-data"]),
    ("convnet-pretrained", &["convnet-layers"]),
    ("convnet-visualize", &["convnet-layers"]),
    ("convnet-report", &[]),
    ("convnet-datasets", &[]),
    ("convnet", &["convnet-train", "convnet-pretrained", "convnet-visualize"]),
    ("convnet-cli", &["convnet", "convnet-report", "convnet-datasets"]),
    ("xtask", &["convnet", "convnet-report", "convnet-datasets"]),
];

/// Crates that open a connection to elsewhere.
pub(super) const HTTP_CLIENTS: [&str; 6] = ["ureq", "reqwest", "hyper", "curl", "isahc", "attohttpc"];

/// Arrows between the crates, and who may depend on the crates of invariant 2.
pub(super) fn arrows(manifest: &str) -> Vec<(usize, String)> {
    let table: toml::Table = match manifest.parse() {
        Ok(table) => table,
        Err(error) => return vec![(0, format!("no valid TOML: {error}"))],
    };
    let Some(name) =
        table.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str())
    else {
        return Vec::new();
    };
    let line_of = |key: &str| {
        let begins = |line: &str| {
            line.trim_start()
                .trim_start_matches('"')
                .strip_prefix(key)
                .is_some_and(|rest| rest.starts_with([' ', '.', '=', '"']))
        };
        manifest.lines().position(begins).map_or(0, |index| index + 1)
    };
    let known: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    if !known.contains_key(name) {
        return vec![(
            line_of("name"),
            format!("{name} has no place among the arrows of xtask/src/tidy/arrows.rs"),
        )];
    }
    let mut reachable = BTreeSet::new();
    let mut open = vec![name];
    while let Some(from) = open.pop() {
        for &to in known.get(from).copied().unwrap_or_default() {
            if reachable.insert(to) {
                open.push(to);
            }
        }
    }
    let mut found = Vec::new();
    for dependency in dependencies(&table) {
        let ours = known.contains_key(dependency.as_str());
        if ours && !reachable.contains(dependency.as_str()) {
            found.push((
                line_of(&dependency),
                format!("{name} must not depend on {dependency}: arrows point down only"),
            ));
        }
        if dependency == "rayon" && !["convnet-cpu", "convnet-data"].contains(&name) {
            found.push((line_of(&dependency), "only cpu (and data, to decode) depend on rayon".to_owned()));
        }
        if HTTP_CLIENTS.contains(&dependency.as_str()) && name != "convnet-datasets" {
            found.push((
                line_of(&dependency),
                format!("only convnet-datasets opens connections, not with {dependency}"),
            ));
        }
    }
    found
}

/// Names of the packages that users of a crate get, on any platform; what only tests need is left out.
fn dependencies(table: &toml::Table) -> Vec<String> {
    let targets = table.get("target").and_then(|targets| targets.as_table());
    let sections =
        targets.into_iter().flat_map(|targets| targets.values()).filter_map(|target| target.as_table());
    let sections = std::iter::once(table).chain(sections);
    let tables =
        sections.flat_map(|section| [section.get("dependencies"), section.get("build-dependencies")]);
    let entries = tables.flatten().filter_map(|entries| entries.as_table()).flatten();
    entries
        .map(|(key, value)| value.get("package").and_then(|name| name.as_str()).unwrap_or(key).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fake_tree::check;
    use super::*;

    #[test]
    fn arrows_point_down() {
        let with = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
        let path = "crates/x/Cargo.toml";
        let check = |name: &str, rest: &str| check(&[(path, &with(name, rest)), ("crates/x/README.md", "")]);
        assert_eq!(check("convnet-train", "[dependencies]\nconvnet-cpu.workspace = true\n"), [""; 0]);
        assert_eq!(check("convnet-cpu", "[dev-dependencies]\nconvnet-tensor.workspace = true\n"), [""; 0]);
        let up = check("convnet-cpu", "[dependencies]\nconvnet-tensor.workspace = true\n");
        assert!(up[0].starts_with("crates/x/Cargo.toml:4: convnet-cpu must not"), "{up:?}");
        let renamed =
            check("convnet-layers", "[dependencies]\nd = { package = \"convnet-data\", path = \"..\" }\n");
        assert!(renamed[0].contains("must not depend on convnet-data"), "{renamed:?}");
        let target =
            check("convnet-report", "[target.'cfg(unix)'.dependencies]\nconvnet-cpu.workspace = true\n");
        assert!(target[0].contains("convnet-report must not"), "{target:?}");
        let rayon = check("convnet-train", "[dependencies]\nrayon.workspace = true\n");
        assert!(rayon[0].contains("rayon"), "{rayon:?}");
        let client = check("convnet-train", "[dependencies]\nureq = \"3\"\n");
        assert!(client[0].contains("ureq"), "{client:?}");
        assert!(check("convnet-new", "")[0].contains("no place"));
        assert!(check("convnet-new", "[")[0].contains("no valid TOML"));
    }

    #[test]
    fn the_table_of_arrows_has_no_cycle_and_no_stranger() {
        let known: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
        // Each crate only names crates above itself in the table's order of floors.
        let floor = |name: &str| ARROWS.iter().position(|(known, _)| *known == name);
        for (name, below) in &known {
            for to in *below {
                assert!(floor(to).unwrap() < floor(name).unwrap(), "{name} → {to}");
            }
        }
    }
}
