use proptest::prelude::*;

use super::*;

/// What was found, in order, with its range in the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    pieces: Vec<(usize, usize, Option<Reason>)>,
}

/// Takes any object. The test has the whole input, so a tail tells where it is.
struct Collect<'a> {
    input: &'a [u8],
    found: Found,
}

impl Sink for Collect<'_> {
    fn object(&mut self, tail: &[u8], _: u64) -> Result<usize, Fault> {
        let len = json::value_len(tail)?;
        // Only the splitter knows where it is: the piece is placed when the next one is known.
        self.found.pieces.push((usize::MAX, len, None));
        Ok(len)
    }

    fn reject(&mut self, rejected: Rejected<'_>) {
        let start = usize::try_from(rejected.offset).unwrap();
        let end = start + rejected.bytes.len();
        assert_eq!(rejected.bytes, &self.input[start..end]);
        self.found
            .pieces
            .push((start, rejected.bytes.len(), Some(rejected.reason)));
    }
}

/// Splits `input`, seen through windows that grow by the given steps.
fn split_in_steps(input: &[u8], steps: &[usize]) -> Found {
    let mut sink = Collect {
        input,
        found: Found::default(),
    };
    let mut splitter = Splitter::default();
    let (mut start, mut end) = (0, 0);
    for step in steps.iter().cycle() {
        end = (end + step).min(input.len());
        let tail = if end == input.len() {
            WindowEnd::End
        } else {
            WindowEnd::Open
        };
        let first_new = sink.found.pieces.len();
        let used = splitter.advance(&input[start..end], tail, &mut sink);
        locate(&mut sink.found.pieces[first_new..], input, start);
        start += used;
        if tail == WindowEnd::End {
            assert_eq!(start, input.len(), "all of the input is used");
            return sink.found;
        }
    }
    unreachable!("the steps are repeated");
}

/// Finds the range of each object: it starts at the first brace that is not inside the piece before.
fn locate(pieces: &mut [(usize, usize, Option<Reason>)], input: &[u8], mut at: usize) {
    for (start, len, _) in pieces {
        if *start == usize::MAX {
            *start = at + input[at..].iter().position(|byte| *byte == b'{').unwrap();
        }
        at = *start + *len;
    }
}

fn split(input: &[u8]) -> Found {
    split_in_steps(input, &[input.len().max(1)])
}

/// The pieces as text, rejections with their reason.
fn pieces(input: &str) -> Vec<(String, Option<Reason>)> {
    split(input.as_bytes())
        .pieces
        .into_iter()
        .map(|(start, len, reason)| {
            let bytes = &input.as_bytes()[start..start + len];
            (String::from_utf8_lossy(bytes).into_owned(), reason)
        })
        .collect()
}

fn row(text: &str) -> (String, Option<Reason>) {
    (text.to_owned(), None)
}

fn rejected(text: &str, reason: Reason) -> (String, Option<Reason>) {
    (text.to_owned(), Some(reason))
}

#[test]
fn objects_are_found_however_they_are_separated() {
    for input in [
        "{\"a\":1}\n{\"a\":2}\n",
        "{\"a\":1}\r\n\r\n{\"a\":2}",
        "{\"a\":1}{\"a\":2}",
        "\u{feff}{\"a\":1},\n{\"a\":2},\n",
        "[{\"a\":1},{\"a\":2}]",
        " [ {\"a\":1} ]\n[]\n[\n{\"a\":2}\n]",
    ] {
        assert_eq!(
            pieces(input),
            [row("{\"a\":1}"), row("{\"a\":2}")],
            "{input:?}"
        );
    }
    assert_eq!(
        pieces("{\n  \"a\": {\n  }\n}\n"),
        [row("{\n  \"a\": {\n  }\n}")]
    );
    assert_eq!(pieces(""), []);
    assert_eq!(pieces(" \n,\u{feff}"), []);
}

#[test]
fn batch_that_begins_with_another_value_is_an_array_and_a_log_line_is_not() {
    let not_an_object = |text| rejected(text, Reason::NotAnObject);
    for (first, space) in [("\"junk\"", ""), ("[1,[2]]", " "), ("-1.5", "\n")] {
        assert_eq!(
            pieces(&format!("{space}[{space}{first}{space},{{\"a\":1}}, 7]")),
            [not_an_object(first), row("{\"a\":1}"), not_an_object("7")],
            "{first}"
        );
    }
    let lines = pieces("{\"a\":1}\n[1,{\"b\":2}]\n");
    assert_eq!(lines, [row("{\"a\":1}"), not_an_object("[1,{\"b\":2}]")]);
    assert_eq!(pieces("[12:30] started\n{\"a\":1}")[1], row("{\"a\":1}"));
}

#[test]
fn after_damage_reading_goes_on_at_the_next_line() {
    assert_eq!(
        pieces("{\"a\":1}\nhello world\r\n{\"a\":2}\n\0\0\0\n{\"a\":3}"),
        [
            row("{\"a\":1}"),
            rejected("hello world", Reason::NotJson),
            row("{\"a\":2}"),
            rejected("\0\0\0", Reason::NotJson),
            row("{\"a\":3}"),
        ]
    );
    assert_eq!(
        pieces("{\"a\":\"cut\n{\"a\":2}\n{\"b\":\n{\"a\":3}\n{\"a\":4}"),
        [
            rejected("{\"a\":\"cut", Reason::Malformed),
            row("{\"a\":2}"),
            rejected("{\"b\":", Reason::Malformed),
            row("{\"a\":3}"),
            row("{\"a\":4}"),
        ]
    );
}

#[test]
fn after_damage_in_one_long_line_reading_goes_on_after_the_object() {
    assert_eq!(
        pieces("{\"a\":1}{\"a\":x}{\"a\":2}{\"a\":\"cut{\"a\":3}{\"a\":4}"),
        [
            row("{\"a\":1}"),
            rejected("{\"a\":x}", Reason::Malformed),
            row("{\"a\":2}"),
            rejected("{\"a\":\"cut{\"a\":3}", Reason::Malformed),
            row("{\"a\":4}"),
        ]
    );
}

#[test]
fn an_inner_object_never_counts_as_a_record() {
    assert_eq!(
        pieces("{\"a\":bad,\"geo\":{\"b\":1},\"items\":[{\"c\":1},{\"c\":2}]}\n{\"a\":1}"),
        [
            rejected(
                "{\"a\":bad,\"geo\":{\"b\":1},\"items\":[{\"c\":1},{\"c\":2}]}",
                Reason::Malformed
            ),
            row("{\"a\":1}"),
        ]
    );
}

#[test]
fn an_object_that_the_input_ends_in_is_truncated() {
    assert_eq!(
        pieces("{\"a\":1}\n{\"a\":"),
        [row("{\"a\":1}"), rejected("{\"a\":", Reason::Truncated)]
    );
}

#[test]
fn other_values_are_no_records() {
    assert_eq!(
        pieces("42\n\"text\" null\n[1,2]\n[{\"a\":1},[{\"b\":1}],7,{\"a\":2}]\n"),
        [
            rejected("42", Reason::NotAnObject),
            rejected("\"text\"", Reason::NotAnObject),
            rejected("null", Reason::NotAnObject),
            rejected("[1,2]", Reason::NotAnObject),
            row("{\"a\":1}"),
            rejected("[{\"b\":1}]", Reason::NotAnObject),
            rejected("7", Reason::NotAnObject),
            row("{\"a\":2}"),
        ]
    );
    assert_eq!(
        pieces("[INFO] 2026 {\"a\":1}\n]\n["),
        [
            rejected("[INFO] 2026 {\"a\":1}", Reason::NotJson),
            rejected("]", Reason::NotJson),
            rejected("[", Reason::NotJson),
        ]
    );
}

#[test]
fn nesting_has_a_limit() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(300), "]".repeat(300));

    assert_eq!(pieces(&deep), [rejected(&deep, Reason::TooDeep)]);
}

#[test]
fn a_record_that_is_too_long_is_rejected_in_pieces_and_costs_no_other() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_RECORD_BYTES * 2));
    let input = format!("{long}\n{{\"a\":1}}");

    let found = split(input.as_bytes());

    assert_eq!(
        found.pieces,
        [
            (0, MAX_RECORD_BYTES, Some(Reason::TooLong)),
            (MAX_RECORD_BYTES, MAX_RECORD_BYTES, Some(Reason::TooLong)),
            (
                2 * MAX_RECORD_BYTES,
                long.len() - 2 * MAX_RECORD_BYTES,
                Some(Reason::TooLong)
            ),
            (long.len() + 1, 7, None),
        ]
    );
    assert_eq!(split_in_steps(input.as_bytes(), &[1_000_003]), found);
}

#[test]
fn a_line_of_nothing_but_damage_is_not_tried_for_ever() {
    let input = "{x}".repeat(100_000);

    let found = split(input.as_bytes());

    assert!(found.pieces.len() <= MAX_RESTARTS as usize + 1);
}

#[test]
fn half_characters_do_not_cost_the_record() {
    struct Strict(Vec<String>);
    impl Sink for Strict {
        fn object(&mut self, tail: &[u8], _: u64) -> Result<usize, Fault> {
            let len = json::value_len(tail)?;
            self.0
                .push(String::from_utf8(tail[..len].to_vec()).unwrap());
            Ok(len)
        }
        fn reject(&mut self, rejected: Rejected<'_>) {
            panic!("{rejected:?}");
        }
    }
    let mut sink = Strict(Vec::new());

    Splitter::default().advance(
        br#"{"a":"x\ud83d"}{"b":"\ud83d\ude00"}"#,
        WindowEnd::End,
        &mut sink,
    );

    assert_eq!(sink.0, [r#"{"a":"x\ufffd"}"#, r#"{"b":"\ud83d\ude00"}"#]);
}

/// Bytes of which much is nearly JSON.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => Just("{\"a\":1}".as_bytes().to_vec()),
        4 => Just("{\"a\":{\"b\":[1,{\"c\":\"}{\"}]}}".as_bytes().to_vec()),
        2 => Just("{\"a\":\"\\ud83d\"}".as_bytes().to_vec()),
        2 => Just(b"{\"a\":\"\xff\"}".to_vec()),
        1 => Just("{}".as_bytes().to_vec()),
        6 => proptest::sample::select(vec!["{", "}", "[", "]", ":", ",", "\"", "\\", "\n", "\r\n", " ", "nul", "tru", "1", "-", "e", "\0", "\u{feff}", "hello", "\\u00", "é"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_byte_is_in_one_piece_or_only_separates(input in nearly_json()) {
        let mut at = 0;
        for (start, len, _) in split(&input).pieces {
            prop_assert!(start >= at && len > 0);
            prop_assert!(only_separates(&input[at..start]), "{:?}", String::from_utf8_lossy(&input[at..start]));
            at = start + len;
        }
        prop_assert!(only_separates(&input[at..]));
    }

    #[test]
    fn windows_change_nothing(input in nearly_json(), steps in proptest::collection::vec(1_usize..20, 1..5)) {
        prop_assert_eq!(split_in_steps(&input, &steps), split(&input));
    }
}

fn only_separates(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return true,
            [0xef, 0xbb, 0xbf, rest @ ..]
            | [b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']', rest @ ..] => rest,
            _ => return false,
        };
    }
}
