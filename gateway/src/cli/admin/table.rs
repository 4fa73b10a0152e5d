//! A table for a terminal: columns as wide as their widest cell.

use std::io::{self, Write};

/// Writes a table with its head. What strangers say stands in cells, so nothing in them can steer the terminal.
pub(super) fn write<const N: usize>(
    out: &mut dyn Write,
    head: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let head = head.map(str::to_owned);
    let all = || std::iter::once(&head).chain(&rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in all() {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn plain(cell: &str) -> String {
    cell.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_cell_steers_the_terminal() {
        let rows = [["call-7", "a\u{1b}[2Jb"], ["call-123", "bob"]].map(|row| row.map(str::to_owned));
        let mut out = Vec::new();
        write(&mut out, ["CALL", "CALLER"], &rows).expect("memory");
        let told = String::from_utf8(out).expect("text");
        assert_eq!(told, "CALL      CALLER\ncall-7    a\u{fffd}[2Jb\ncall-123  bob\n");
    }
}
