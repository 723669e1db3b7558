//! Files without the rows of one person.

use lake_files::Merge;
use lake_schema::FileId;

use crate::{
    merging::{LARGE, file, part, table},
    rows::read,
};

fn id() -> FileId {
    "0".repeat(32).parse().unwrap()
}

/// The rows that are left, as their `n`; how many were left out; and the new file.
fn without(bytes: &[u8], user: &str, column_bytes: usize) -> (Vec<i64>, u64, Option<Vec<u8>>) {
    let mut merge = Merge::new(table(), std::env::temp_dir(), column_bytes);
    merge.add(file(bytes)).unwrap();
    let done = merge
        .finish_without(
            || Ok(Vec::new()),
            id(),
            "user",
            |owner, extra| owner == Some(user) || extra.is_some_and(|extra| extra.contains(user)),
        )
        .unwrap();
    let rows = read(done.out.clone().unwrap_or_else(|| bytes.to_vec()).into());
    let numbers = rows.iter().map(|row| row["n"].as_i64().unwrap()).collect();
    (numbers, done.erased_count, done.out)
}

fn events() -> Vec<u8> {
    let event = |n: i64, user: &str, more: &str| {
        format!(
            r#"{{"event":"e","user":"{user}","at":"2026-01-02 10:00:00","id":"{n}","n":{n}{more}}}"#
        )
    };
    let events = [
        event(5, "bob", ""),
        event(1, "jane", ""),
        event(4, "ann", r#","friend":"x""#),
        event(3, "bob", r#","alias":"jane""#),
        event(2, "jane", ""),
    ];
    let mut part = part(&table(), &events.join("\n"));
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
    bytes
}

#[test]
fn other_rows_stay_in_their_order() {
    for column_bytes in [LARGE, 1] {
        let (numbers, erased, file) = without(&events(), "jane", column_bytes);

        assert_eq!((numbers, erased), (vec![5, 4], 3));
        let rows = read(file.unwrap().into());
        assert_eq!(rows[1]["_extra"], r#"{"friend":"x"}"#);
        assert_eq!(rows[0]["_file"], "0".repeat(32));
    }
}

#[test]
fn rows_with_a_mention_in_any_column_of_texts_or_numbers_are_left_out_too() {
    let events = events();
    for (mention, left, mentioned) in [
        ("bob", vec![4], 2),
        ("jane", vec![5, 4], 1),
        ("x", vec![5, 3], 1),
        ("4", vec![5, 3], 1),
        ("eve", vec![5, 4, 3], 0),
    ] {
        let mut merge = Merge::new(table(), std::env::temp_dir(), LARGE);
        merge.add(file(&events)).unwrap();
        let done = merge
            .finish_without_mentions(
                || Ok(Vec::new()),
                id(),
                "user",
                |owner, _| owner == Some("jane"),
                |column, text| column != "id" && text.contains(mention),
            )
            .unwrap();

        let rows = read(done.out.unwrap().into());
        let numbers: Vec<i64> = rows.iter().map(|row| row["n"].as_i64().unwrap()).collect();
        assert_eq!(numbers, left, "{mention}");
        assert_eq!(
            (done.erased_count, done.mentioned_count),
            (2 + mentioned, mentioned),
            "{mention}"
        );
    }
}

#[test]
fn file_without_the_person_is_not_written_and_one_of_hers_alone_is_empty_and_can_be_merged() {
    let (_, erased, file_of_others) = without(&events(), "eve", LARGE);
    assert_eq!((erased, file_of_others), (0, None));

    let (numbers, _, first) = without(&events(), "jane", LARGE);
    assert_eq!(numbers.len(), 2);
    let (_, _, second) = without(&first.unwrap(), "bob", LARGE);
    let (numbers, erased, empty) = without(&second.unwrap(), "ann", LARGE);
    assert_eq!((numbers, erased), (vec![], 1));

    let mut merge = Merge::new(table(), std::env::temp_dir(), LARGE);
    merge.add(file(&empty.unwrap())).unwrap();
    merge.add(file(&events())).unwrap();
    let (_, merged) = merge.finish(Vec::new(), id()).unwrap();
    assert_eq!(merged.row_count, 5);
}
