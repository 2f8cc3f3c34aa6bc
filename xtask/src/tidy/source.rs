//! Rust source split into code and comments, line by line: just enough to look for words without being fooled.

/// One line of a source file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// What the compiler reads, without the text of literals.
    pub(super) code: String,
    /// The text of comments, doc comments included.
    pub(super) comment: String,
    /// Inside an item under `#[cfg(test)]`.
    pub(super) test: bool,
}

impl Line {
    /// Whether `word` stands in the code as a whole word.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.after_word(word).is_some()
    }

    /// The code behind the first whole `word`.
    pub(super) fn after_word(&self, word: &str) -> Option<&str> {
        let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices(word).find_map(|(at, _)| {
            let rest = &self.code[at + word.len()..];
            let whole = !self.code[..at].ends_with(part_of_word) && !rest.starts_with(part_of_word);
            whole.then_some(rest)
        })
    }
}

/// Splits a source file into lines.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        let (end, kind) = token(&characters, at);
        for &c in &characters[at..end] {
            let line = lines.last_mut().expect("starts with one line");
            match (c, kind) {
                ('\n', _) => lines.push(Line::default()),
                (c, Kind::Code) => line.code.push(c),
                (c, Kind::Comment) => line.comment.push(c),
                (_, Kind::Literal) => {}
            }
        }
        if kind == Kind::Literal {
            // Keeps `"a"unsafe` two words and an argument an argument.
            lines.last_mut().expect("starts with one line").code.push('"');
        }
        at = end;
    }
    mark_tests(&mut lines);
    lines
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// The end and the kind of what begins at `at`.
fn token(text: &[char], at: usize) -> (usize, Kind) {
    let next = |i: usize| text.get(at + i).copied();
    let preceded_by_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match text[at] {
        '/' if next(1) == Some('/') => (find(text, at, |c| c == '\n'), Kind::Comment),
        '/' if next(1) == Some('*') => (block_comment(text, at), Kind::Comment),
        '"' => (quoted(text, at, '"'), Kind::Literal),
        'r' if !preceded_by_word || text[at - 1] == 'b' || text[at - 1] == 'c' => {
            raw_string(text, at).map_or((at + 1, Kind::Code), |end| (end, Kind::Literal))
        }
        // 'x' and '\n' are characters, 'x is a lifetime.
        '\'' if next(1) == Some('\\') || next(2) == Some('\'') => (quoted(text, at, '\''), Kind::Literal),
        _ => (at + 1, Kind::Code),
    }
}

fn find(text: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    text[from..].iter().position(|&c| wanted(c)).map_or(text.len(), |offset| from + offset)
}

fn block_comment(text: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn quoted(text: &[char], start: usize, quote: char) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn raw_string(text: &[char], start: usize) -> Option<usize> {
    let open = find(text, start + 1, |c| c != '#');
    let hashes = open - start - 1;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let closes = |at: &usize| {
        text[*at] == '"' && text[at + 1..].iter().take_while(|&&c| c == '#').take(hashes).count() == hashes
    };
    Some((open + 1..text.len()).find(closes).map_or(text.len(), |at| at + 1 + hashes))
}

/// Marks each item under `#[cfg(test)]`, up to its closing brace or semicolon.
fn mark_tests(lines: &mut [Line]) {
    let mut at = 0;
    while at < lines.len() {
        if !lines[at].code.trim_start().starts_with("#[cfg(test)]") {
            at += 1;
            continue;
        }
        let mut depth = 0i32;
        let mut ended = false;
        while at < lines.len() && !ended {
            for c in lines[at].code.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => {
                        depth -= 1;
                        ended |= depth == 0;
                    }
                    ';' => ended |= depth == 0,
                    _ => {}
                }
            }
            lines[at].test = true;
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = r####"let a = "unsafe \" {"; // unsafe here
/* unsafe /* nested */ unsafe */ fn b<'a>(c: &'a str) { r#"unsafe " "# }
let d = 'u'; let e = '\''; let f = br"unsafe\"; unsafe_code; real"####;
        let lines = lines(text);
        assert!(lines.iter().all(|line| !line.has_word("unsafe")), "{lines:?}");
        assert!(lines[0].comment.contains("unsafe here"));
        assert!(lines[1].comment.contains("nested") && lines[1].code.contains("fn b<'a>(c: &'a str)"));
        assert!(lines[2].has_word("real") && lines[2].has_word("unsafe_code"));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn whole_words_are_found_with_what_follows() {
        let found = lines("not_unsafe; unsafe fn(x)");
        assert_eq!(found[0].after_word("unsafe"), Some(" fn(x)"));
        assert!(!found[0].has_word("not"));
    }

    #[test]
    fn test_items_are_marked() {
        let found = lines(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n}\nfn c() {}\n#[cfg(test)]\nmod d;\nfn e() {}",
        );
        let marked: Vec<bool> = found.iter().map(|line| line.test).collect();
        assert_eq!(marked, [false, true, true, true, true, false, true, true, false]);
    }
}
