//! Names of recordings: of our own making, so that no peer's word becomes part of a path.

use std::time::Duration;

use super::RecordingFormat;
use crate::CallId;

const SECONDS_A_DAY: u64 = 86_400;

/// The name of a recording of `call` that begins `since_epoch` after 1970, in UTC; `attempt` tells names of one
/// millisecond apart.
pub(super) fn name(call: CallId, since_epoch: Duration, attempt: u32, format: RecordingFormat) -> String {
    let (days, second) = (since_epoch.as_secs() / SECONDS_A_DAY, since_epoch.as_secs() % SECONDS_A_DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millisecond = since_epoch.subsec_millis();
    let again = if attempt == 0 { String::new() } else { format!("-{attempt}") };
    let ending = match format {
        RecordingFormat::Wav => "wav",
        RecordingFormat::Ogg => "ogg",
    };
    format!(
        "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{millisecond:03}Z-{call}{again}.{ending}"
    )
}

/// Year, month and day of a day counted from 1970-01-01: Howard Hinnant's `civil_from_days`, in which a year
/// begins in March and an era has 400 years.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_date_and_call() {
        let call = CallId::next();
        let told = |ms, attempt, format| name(call, Duration::from_millis(ms), attempt, format);
        assert_eq!(told(0, 0, RecordingFormat::Wav), format!("19700101T000000.000Z-{call}.wav"));
        assert_eq!(
            told(951_827_696_007, 0, RecordingFormat::Ogg),
            format!("20000229T123456.007Z-{call}.ogg")
        );
        assert_eq!(
            told(1_795_830_000_000, 2, RecordingFormat::Wav),
            format!("20261128T014000.000Z-{call}-2.wav")
        );
    }
}
