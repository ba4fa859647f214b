-- One row per vehicle and local day, from its first event of the look-back on: distance, energy, events, silence.
-- The day is that of car_timezone where a valid one is known, else of UTC. distance_km is what the odometer gained since
-- the day before that has a reading; NULL when no event of the day has one, or when it went back.
-- hours_silent are those within gaps of more than 4 hours between events, up to now. state_of_charge has the last level
-- of each hour.
WITH events AS (
    {events}
),
zones AS (
    SELECT car_timezone AS timezone
    FROM events
    GROUP BY car_timezone
    HAVING try_to_timestamp(concat('2000-01-01 00:00 ', car_timezone), 'yyyy-MM-dd HH:mm VV') IS NOT NULL
),
cars AS (
    SELECT
        vehicle_id,
        max_by(vehicle_make, event_at) FILTER (WHERE vehicle_make IS NOT NULL) AS vehicle_make,
        max_by(vehicle_model, event_at) FILTER (WHERE vehicle_model IS NOT NULL) AS vehicle_model,
        coalesce(max_by(timezone, event_at) FILTER (WHERE timezone IS NOT NULL), 'UTC') AS timezone,
        min(event_at) AS first_event_at
    FROM events LEFT JOIN zones ON car_timezone = timezone
    GROUP BY vehicle_id
),
calendar AS (
    SELECT
        *,
        CAST(convert_timezone(timezone, current_timezone(), CAST(day AS TIMESTAMP_NTZ)) AS TIMESTAMP) AS begins,
        CAST(convert_timezone(timezone, current_timezone(), CAST(date_add(day, 1) AS TIMESTAMP_NTZ)) AS TIMESTAMP)
            AS ends
    FROM (
        SELECT *, explode(sequence(
            to_date(convert_timezone(current_timezone(), timezone, CAST(first_event_at AS TIMESTAMP_NTZ))),
            to_date(convert_timezone(current_timezone(), timezone, CAST(
                greatest({now}, first_event_at) AS TIMESTAMP_NTZ))))) AS day
        FROM cars
    )
),
hours AS (
    SELECT
        vehicle_id,
        day,
        hour,
        count(*) AS events,
        count(Odometer_TraveledDistance_value) AS readings,
        max_by(struct(event_at AS at, TractionBattery_StateOfCharge_value AS percent), event_at)
            FILTER (WHERE TractionBattery_StateOfCharge_value IS NOT NULL) AS level
    FROM (
        SELECT
            *,
            to_date(convert_timezone(current_timezone(), timezone, CAST(event_at AS TIMESTAMP_NTZ))) AS day,
            date_trunc('HOUR', event_at) AS hour
        FROM events JOIN cars USING (vehicle_id)
    )
    GROUP BY vehicle_id, day, hour
),
counted AS (
    SELECT vehicle_id, day, sum(events) AS events, sum(readings) AS readings, array_sort(collect_list(level)) AS levels
    FROM hours
    GROUP BY vehicle_id, day
),
odometers AS (
    SELECT
        vehicle_id,
        to_date(convert_timezone(current_timezone(), timezone, CAST(Odometer_TraveledDistance_measuredAt
            AS TIMESTAMP_NTZ))) AS day,
        Odometer_TraveledDistance_value * IF(Odometer_TraveledDistance_unit ILIKE 'mi%', 1.609344D, 1D) AS km,
        struct(Odometer_TraveledDistance_measuredAt, event_at) AS place
    FROM events JOIN cars USING (vehicle_id)
    WHERE Odometer_TraveledDistance_value IS NOT NULL
),
driven AS (
    SELECT
        vehicle_id,
        day,
        max_by(km, place) - coalesce(
            lag(max_by(km, place)) OVER (PARTITION BY vehicle_id ORDER BY day), min_by(km, place)) AS km
    FROM odometers
    GROUP BY vehicle_id, day
),
charged AS (
    SELECT
        vehicle_id,
        day,
        count(*) AS sessions,
        sum(energy_kwh * (unix_millis(least(until, ends)) - unix_millis(greatest(started_at, begins)))
            / greatest(unix_millis(until) - unix_millis(started_at), 1)) AS kwh
    FROM (SELECT *, greatest(coalesce(ended_at, last_seen_at), started_at) AS until FROM {charging_sessions})
    JOIN calendar USING (vehicle_id)
    WHERE started_at < ends AND until >= begins
    GROUP BY vehicle_id, day
),
silent AS (
    SELECT
        vehicle_id,
        day,
        sum(unix_millis(least(until, ends)) - unix_millis(greatest(since, begins))) / 3600000 AS silent_hours
    FROM (
        SELECT
            vehicle_id,
            event_at AS since,
            coalesce(lead(event_at) OVER (PARTITION BY vehicle_id ORDER BY event_at), {now}) AS until
        FROM events
    )
    JOIN calendar USING (vehicle_id)
    WHERE until > since + INTERVAL 4 HOURS AND since < ends AND until > begins
    GROUP BY vehicle_id, day
)
SELECT
    vehicle_id,
    vehicle_make,
    vehicle_model,
    day,
    timezone,
    coalesce(events, 0) AS events,
    IF(readings > 0, IF(coalesce(km, 0) >= 0, coalesce(km, 0), NULL), NULL) AS distance_km,
    coalesce(sessions, 0) AS charging_sessions,
    IF(sessions > 0, kwh, 0) AS energy_kwh,
    coalesce(silent_hours, 0) AS hours_silent,
    coalesce(levels, array()) AS state_of_charge
FROM calendar
LEFT JOIN counted USING (vehicle_id, day)
LEFT JOIN driven USING (vehicle_id, day)
LEFT JOIN charged USING (vehicle_id, day)
LEFT JOIN silent USING (vehicle_id, day)
