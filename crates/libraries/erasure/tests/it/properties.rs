//! What holds for every object.

use erasure::{Person, Verdict, rewrite, verdict_of};
use event_model::{Pipeline, sparkpost::split_items};
use lake_files::record_ranges;
use proptest::{collection::vec, prelude::*, sample::select};

/// Items of a few people, whole and damaged.
fn items() -> impl Strategy<Value = Vec<&'static str>> {
    vec(
        select(vec![
            r#"{"msys":{"m":{"rcpt_to":"jane@x.org"}},"userId":"jane@x.org"}"#,
            r#"{"msys":{"m":{"rcpt_to":"Jane <JANE@x.org>","n":[1,2]}},"userId":"u-1001"}"#,
            r#"{"msys":{"m":{"rcpt_to":"bob@x.org"}},"userId":"bob"}"#,
            r#"{"msys":{"m":{"rcpt_to":"ann@x.org","subject":"jane@x.org }{"}},"userId":"ann"}"#,
            r#"{"msys":{"m":{"rcpt_to":"eve@x.org","url":"/?u=jane%40x.org"}},"userId":"eve"}"#,
            r#"{"userId": 7 }"#,
            "{}",
        ]),
        0..12,
    )
}

fn pieces(pipeline: Pipeline, body: &[u8]) -> Vec<Vec<u8>> {
    if pipeline == Pipeline::EmailEvents {
        let items = split_items(body).map(|(_, raw)| raw.to_vec());
        return items.filter(|raw| raw != br#"{"msys":{}}"#).collect();
    }
    let records = record_ranges(body).into_iter();
    records.map(|record| body[record.bytes].to_vec()).collect()
}

proptest! {
    #[test]
    fn others_stay_byte_for_byte_and_nothing_of_the_person_does(
        items in items(),
        separator in select(vec![",", " , ", ",\n"]),
        end in select(vec!["]", " ]\n", ",{\"cut", "] junk", ",{\"cut jane@x.org"]),
        is_deep in any::<bool>(),
        pipeline in select(vec![Pipeline::EmailEvents, Pipeline::ProductEvents]),
    ) {
        let jane = Person::new(&["jane@x.org"], &["u-1001"]).unwrap();
        let jane = if is_deep { jane.deep().unwrap() } else { jane };
        let body = format!("[{}{end}", items.join(separator)).into_bytes();
        let before = pieces(pipeline, &body);

        let rewritten = rewrite(pipeline, &body, &jane).unwrap();

        // Damage stays, and is counted, if nothing else of the object could be read without it.
        let damage_stays = rewritten.found.mentioned > rewritten.found.mentions_erased;
        let verdict = |piece: &Vec<u8>| match verdict_of(pipeline, piece, &jane) {
            Verdict::MentionErased if damage_stays && piece.starts_with(b"{\"cut") => Verdict::Mentioned,
            verdict => verdict,
        };
        let after = pieces(pipeline, rewritten.bytes.as_deref().unwrap_or(&body));
        let expected: Vec<_> = before.iter().filter(|piece| !verdict(piece).is_erased()).cloned().collect();
        prop_assert_eq!(after, expected);
        for (which, count) in [
            (Verdict::Theirs, rewritten.found.theirs),
            (Verdict::MentionErased, rewritten.found.mentions_erased),
        ] {
            let expected = before.iter().filter(|piece| verdict(piece) == which).count();
            prop_assert_eq!(count, u64::try_from(expected).unwrap());
        }
        if is_deep && !damage_stays {
            let left = rewritten.bytes.as_deref().unwrap_or(&body);
            prop_assert!(!left.windows(6).any(|text| text.eq_ignore_ascii_case(b"jane@x")));
        }
        let again = rewritten.bytes.map(|bytes| rewrite(pipeline, &bytes, &jane).unwrap());
        prop_assert!(again.is_none_or(|again| again.bytes.is_none()));
    }

    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..200)) {
        let jane = Person::new(&["jane@x.org"], &["u-1001"]).unwrap();
        for pipeline in Pipeline::ALL {
            for person in [jane.clone(), jane.clone().deep().unwrap()] {
                if let Ok(rewritten) = rewrite(pipeline, &bytes, &person) {
                    prop_assert_eq!(rewritten.bytes, None);
                }
            }
        }
    }
}
