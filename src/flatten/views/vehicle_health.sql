-- One row per vehicle: what is wrong with its data.
-- stuck_signals: stood still for 3 days although the car has moved, by another signal, for 25 km or a quarter degree.
-- errors: the signals whose newest status is an error; errors_by_type has their names by Smartcar's type.
-- oem_minutes_behind: newest event less the maker's newest stamp; below 0 the maker's clock is ahead of ours.
WITH events AS (
    {events}
),
recent AS (
    SELECT
        vehicle_id,
        max(Odometer_TraveledDistance_value) - min(Odometer_TraveledDistance_value) AS odometer_range,
        max(TractionBattery_StateOfCharge_value) - min(TractionBattery_StateOfCharge_value) AS soc_range,
        max(TractionBattery_Range_value) - min(TractionBattery_Range_value) AS range_range,
        greatest(
            max(Location_PreciseLocation_latitude) - min(Location_PreciseLocation_latitude),
            max(Location_PreciseLocation_longitude) - min(Location_PreciseLocation_longitude)) AS degrees,
        count(*) AS events
    FROM events
    WHERE event_at >= {now} - INTERVAL 3 DAYS
    GROUP BY vehicle_id
),
odometers AS (
    SELECT vehicle_id, count_if(value < before - 1) AS odometer_went_back
    FROM (
        SELECT
            vehicle_id,
            Odometer_TraveledDistance_value AS value,
            lag(Odometer_TraveledDistance_value) OVER (
                PARTITION BY vehicle_id, Odometer_TraveledDistance_unit
                ORDER BY Odometer_TraveledDistance_measuredAt, event_at) AS before
        FROM events
        WHERE Odometer_TraveledDistance_value IS NOT NULL
    )
    GROUP BY vehicle_id
),
newest AS (
    SELECT
        vehicle_id,
        max_by(vehicle_make, event_at) FILTER (WHERE vehicle_make IS NOT NULL) AS vehicle_make,
        max_by(vehicle_model, event_at) FILTER (WHERE vehicle_model IS NOT NULL) AS vehicle_model,
        max(event_at) AS newest_event_at,
        max(array_max(array(
            -- for each signal
            {signal}_oemUpdatedAt
            -- end
        ))) AS newest_oem_at,
        count_if(TractionBattery_StateOfCharge_value NOT BETWEEN 0 AND 100) AS impossible_state_of_charge,
        count_if(abs(Location_PreciseLocation_latitude) > 90 OR abs(Location_PreciseLocation_longitude) > 180)
            AS impossible_location,
        -- for each signal
        max_by({signal}_status, event_at) FILTER (WHERE {signal}_status IS NOT NULL) AS {signal}_status
        -- end
    FROM events
    GROUP BY vehicle_id
),
listed AS (
    SELECT
        *,
        filter(array(
            -- for each signal
            struct('{signal}' AS signal, split({signal}_status, ':')[0] AS type, {signal}_status AS status)
            -- end
        ), each -> each.status <> 'OK') AS errors
    FROM newest
)
SELECT
    vehicle_id,
    vehicle_make,
    vehicle_model,
    newest_event_at,
    (unix_millis({now}) - unix_millis(newest_event_at)) / 3600000 AS silent_hours,
    newest_oem_at,
    (unix_millis(newest_event_at) - unix_millis(newest_oem_at)) / 60000 AS oem_minutes_behind,
    array_compact(array(
        IF(odometer_range >= 25 AND soc_range = 0 AND recent.events > 4, 'TractionBattery_StateOfCharge', NULL),
        IF(odometer_range >= 25 AND range_range = 0 AND recent.events > 4, 'TractionBattery_Range', NULL),
        IF(odometer_range >= 25 AND degrees = 0 AND recent.events > 4, 'Location_PreciseLocation', NULL),
        IF(degrees >= 0.25 AND odometer_range = 0 AND recent.events > 4, 'Odometer_TraveledDistance', NULL)
    )) AS stuck_signals,
    errors,
    map_from_entries(transform(array_distinct(transform(errors, each -> each.type)), type -> struct(
        type, transform(filter(errors, each -> each.type = type), each -> each.signal)))) AS errors_by_type,
    transform(filter(errors, each -> each.type = 'PERMISSION'), each -> each.signal) AS permission_lost,
    impossible_state_of_charge,
    impossible_location,
    coalesce(odometer_went_back, 0) AS odometer_went_back
FROM listed
LEFT JOIN odometers USING (vehicle_id)
LEFT JOIN recent USING (vehicle_id)
