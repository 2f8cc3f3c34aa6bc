//! The pages of the book (`docs/src/`), whose snippets must compile and do what the pages say.

/// One item per page: its snippets are the item's documentation tests.
macro_rules! pages {
    ($($name:ident $page:literal)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!("../../../docs/src/", $page, ".md"))]
        struct $name;
    )*

        /// The pages that are tested.
        #[cfg(test)]
        const PAGES: &[&str] = &[$($page),*];
    };
}

pages! {
    Introduction "introduction"
    Convolution "convolution"
    Borders "borders"
    Pooling "pooling"
    Overfitting "overfitting"
    Augmentation "augmentation"
    Transfer "transfer"
    Inside "inside"
    Heatmaps "heatmaps"
    FirstSteps "first-steps"
    FromKeras "from-keras"
    Stumbles "stumbles"
    Extending "extending"
    FastLoops "fast-loops"
}

#[cfg(test)]
mod tests {
    use super::PAGES;
    use std::fs;
    use std::path::Path;

    /// Outside the repository, as in a downloaded package, there is no book to look at.
    #[test]
    fn every_page_is_tested_and_in_the_table_of_contents() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
        let Ok(summary) = fs::read_to_string(folder.join("SUMMARY.md")) else { return };
        let mut pages: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
            .filter(|page| page != "SUMMARY")
            .collect();
        pages.sort();
        let mut tested = PAGES.to_vec();
        tested.sort();
        assert_eq!(pages, tested);
        for page in pages {
            assert!(summary.contains(&format!("({page}.md)")), "{page}.md is not in SUMMARY.md");
        }
    }
}
