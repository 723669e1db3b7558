//! Reads a page as a browser does, and fails where anything but the console's own markup is in it.

const TAGS: &[&str] = &[
    "!DOCTYPE", "a", "b", "bdi", "body", "button", "caption", "code", "datalist", "dd", "desc",
    "details", "div", "dl", "dt", "form", "g", "h1", "h2", "h3", "head", "header", "html", "input",
    "label", "li", "line", "link", "main", "meta", "nav", "ol", "option", "p", "path", "pre",
    "rect", "script", "section", "select", "span", "summary", "svg", "table", "tbody", "td",
    "text", "textarea", "th", "thead", "time", "title", "tr", "ul",
];

/// Attributes whose values lead somewhere or load something.
const ADDRESSES: [&str; 4] = ["href", "action", "src", "data-new"];

/// Checks a whole page. What it accepts can run no script but the console's file, load nothing from elsewhere, and leads nowhere else.
pub(crate) fn check(page: &str) {
    let mut rest = page;
    let mut scripts = 0;
    while let Some((text, tag)) = rest.split_once('<') {
        assert!(
            !text.contains(is_directing),
            "a mark of direction in {text:?}"
        );
        let end = end_of_tag(tag);
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        let name = inside
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap();
        assert!(
            !name.is_empty() && TAGS.contains(&name),
            "tag {name:?} in {inside:?}"
        );
        if name == "script" && !inside.starts_with('/') {
            scripts += 1;
            assert!(after.starts_with("</script>"), "a script with content");
        }
        for (attribute, value) in attributes(inside) {
            check_attribute(&attribute, &value);
        }
        rest = after;
    }
    assert!(!rest.contains('>') || rest.trim().is_empty());
    assert_eq!(scripts, 1, "the console has one script");
}

fn check_attribute(name: &str, value: &str) {
    assert!(
        !name.starts_with("on") && name != "style" && name != "srcdoc",
        "attribute {name}"
    );
    assert!(
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
        "attribute {name:?}"
    );
    assert!(
        !value.contains(is_directing),
        "a mark of direction in {name}"
    );
    if ADDRESSES.contains(&name) {
        let is_here = (value.starts_with('/') && !value.starts_with("//") && !value.contains('\\'))
            || value.starts_with('#');
        assert!(is_here, "{name} leads to {value:?}");
    }
}

fn is_directing(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}')
}

/// The end of a tag: an angle bracket outside of quotes.
fn end_of_tag(tag: &str) -> usize {
    let mut is_quoted = false;
    for (at, c) in tag.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return at,
            '<' if !is_quoted => panic!("a tag in a tag: {tag:.80}"),
            _ => {}
        }
    }
    panic!("a tag without an end: {tag:.80}");
}

fn attributes(inside: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = inside
        .split_once(' ')
        .map_or("", |(_, rest)| rest)
        .trim_end_matches('/');
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if let Some(value) = after.strip_prefix("=\"") {
            let (value, after) = value.split_once('"').unwrap();
            found.push((
                name.to_owned(),
                value
                    .replace("&quot;", "\"")
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&amp;", "&"),
            ));
            rest = after;
        } else {
            assert!(
                !after.starts_with('='),
                "a value without quotes: {rest:.80}"
            );
            found.push((name.to_owned(), String::new()));
            rest = after;
        }
    }
    found
}

#[test]
fn what_would_run_or_lead_away_is_found() {
    let page = |body: &str| format!("<p>{body}</p><script src=\"/a\"></script>");
    check(&page(
        "fine &lt;script&gt; <a href=\"/console?a=1&amp;b=2\">x</a>",
    ));
    for bad in [
        "<script>x</script>",
        "<img src=\"/x\">",
        "<a href=\"javascript:x\">",
        "<a href=\"//evil\">",
        "<a href=\"https://evil\">",
        "<a onclick=\"x\">",
        "<a style=\"x\">",
        "<a href=/x>",
        "a \u{202e} b",
        "<a title=\"\u{202e}\">",
    ] {
        assert!(
            std::panic::catch_unwind(|| check(&page(bad))).is_err(),
            "{bad}"
        );
    }
}
