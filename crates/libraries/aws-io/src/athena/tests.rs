use super::*;

#[test]
fn only_a_row_of_the_columns_names_is_a_header() {
    let columns = ["event".to_owned(), "n".to_owned()];
    let row = |cells: [Option<&str>; 2]| cells.map(|cell| cell.map(str::to_owned)).to_vec();

    assert!(is_header(&row([Some("event"), Some("n")]), &columns));
    assert!(!is_header(&row([Some("LOGIN"), Some("7")]), &columns));
    assert!(!is_header(&row([Some("event"), None]), &columns));
    assert!(!is_header(&[], &columns));
}

#[test]
fn a_query_that_lost_a_file_is_told_from_others() {
    let lost = "HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://b/lake/product_events/dt=2026-01-01/part-1.parquet: \
                The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey)";

    assert!(lost_a_file(lost));
    assert!(!lost_a_file(
        "COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved"
    ));
    assert!(!lost_a_file(
        "HIVE_CANNOT_OPEN_SPLIT: Slow Down (Status Code: 503; Error Code: SlowDown)"
    ));
}
