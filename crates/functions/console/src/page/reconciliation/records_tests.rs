//! What the section says where there are no days to show.

use super::{Records, told};

#[test]
fn no_console_no_access_and_no_run_look_different() {
    let unreadable = told(&Records::Unreadable).into_string();
    let none_yet = told(&Records::Read(Vec::new())).into_string();

    assert_eq!(told(&Records::Nowhere).into_string(), "");
    assert!(
        unreadable.contains("Not known: the records of the reconciler cannot be read."),
        "{unreadable}"
    );
    assert!(none_yet.contains("has not run yet"), "{none_yet}");
    assert!(!none_yet.contains("Not known"), "{none_yet}");
}
