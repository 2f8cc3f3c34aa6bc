//! Rules for any text: no traces of a computer, no links that lead nowhere.

use std::path::{Path, PathBuf};

/// Paths of one computer and addresses of package registries have no place in a repository.
pub(super) fn traces(text: &str) -> Vec<(usize, String)> {
    // Put together from halves, so that this file does not find itself.
    let homes = [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("\\Us", "ers\\")];
    let places = [
        concat!("/wo", "rk/ma", "in"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("pypi.", "org/simple"),
        concat!("files.", "pythonhosted.org"),
        concat!("registry.", "npmjs.org"),
    ];
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let somebody = |home: &&&str| {
            line.split(**home).skip(1).any(|rest| {
                let name = rest.split(['/', '\\']).next().unwrap_or_default();
                name.len() < rest.len()
                    && !name.is_empty()
                    && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
            })
        };
        if let Some(home) = homes.iter().find(somebody) {
            found.push((index + 1, format!("a path of somebody's computer ({home}…)")));
        }
        for place in places.iter().filter(|place| line.contains(**place)) {
            found.push((
                index + 1,
                format!("{place} belongs to one computer's set-up, not into the repository"),
            ));
        }
    }
    found
}

/// Links of a Markdown file to other files of the repository.
pub(super) fn links(root: &Path, path: &str, text: &str) -> Vec<(usize, String)> {
    let folder = root.join(path).parent().map(Path::to_owned).unwrap_or_default();
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in targets(line) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let file = file.replace("%20", " ");
            let resolved: PathBuf = match file.strip_prefix('/') {
                Some(from_root) => root.join(from_root),
                None => folder.join(&file),
            };
            if !resolved.exists() {
                found.push((index + 1, format!("the link to {file} leads nowhere")));
            }
        }
    }
    found
}

/// Targets of `[text](target)`, `![text](target "title")` and `[text]: target` outside code spans.
fn targets(line: &str) -> Vec<&str> {
    let prose: Vec<&str> = line.split('`').collect();
    let mut found = Vec::new();
    // A code span inside a link's text leaves the `](` in the part behind it.
    for part in prose.iter().step_by(2) {
        for rest in part.split("](").skip(1) {
            found.extend(rest.split([')', ' ']).next());
        }
    }
    let definition = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    if let Some((label, target)) = definition
        && !label.contains(']')
    {
        found.extend(target.split_whitespace().next());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::fake_tree::{clean, finds};

    #[test]
    fn traces_of_a_computer_are_found() {
        let home = format!("see {}ada/x\n", concat!("/ho", "me/"));
        finds(&[("docs/a.txt", &home)], "docs/a.txt:1", "somebody's computer");
        let registry = format!("\n{}\n", concat!("https://index.", "crates.io/x"));
        finds(&[("a.sh", &registry)], "a.sh:2", "set-up");
        clean(&[("Cargo.lock", &registry)]);
        clean(&[("docs/a.txt", "the home/ folder, ~/.cache, https://crates.io/crates/ureq\n")]);
    }

    #[test]
    fn links_lead_somewhere() {
        let readme = "[a](docs/a.md#part) [b](https://x.example/y) [c](#here) ![d](/docs/d.png \"t\") [`e`](docs)\n\
                      `[f](no.md)`\n```\n[g](no.md)\n```\n[h]: docs/a.md\n";
        clean(&[("README.md", readme), ("docs/a.md", "[up](../README.md)\n"), ("docs/d.png", "")]);
        finds(&[("README.md", "x\n[a](docs/a.md)\n")], "README.md:2", "docs/a.md");
        finds(&[("README.md", "[`a`](no.md)\n")], "README.md:1", "no.md");
        finds(&[("README.md", "[a]: no.md\n")], "README.md:1", "no.md");
    }
}
